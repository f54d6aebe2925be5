package dev.spikewise.search;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Reason;
import dev.spikewise.spec.SearchMetric;
import dev.spikewise.spec.SearchSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A search and the current state of its trials.
 *
 * @param id Unique id of the search.
 * @param name Display name of the search; null when it has none.
 * @param status State of the search.
 * @param reason Reason why the search ended; null before.
 * @param waitingFor Reason why the next trials could not be queued yet; absent otherwise.
 * @param spec Specification as it was submitted; absent from the items of a list, and where the
 *     stored document is damaged.
 * @param samples Samples on which all objectives and bounds are measured.
 * @param progress Number of trials and epochs so far.
 * @param trials Trials in the order of their proposal; absent from the items of a list.
 * @param rungs Rungs of each generation that has started; absent from the items of a list.
 * @param paretoFront Trials within all bounds that no other trial beats in all objectives, ordered
 *     by the last objective.
 * @param reference Worst value of each objective that counts for the hypervolume.
 * @param hypervolume Hypervolume after each rung: the share of the box between the reference and
 *     the best conceivable values that the trials so far dominate; absent from the items of a list.
 * @param createdAt Time of submission (RFC 3339).
 * @param finishedAt Time of the end; null before.
 * @param version Value that changes whenever the search or one of its jobs changes.
 */
public record Search(
    UUID id,
    @Nullable String name,
    JobState status,
    @Nullable End reason,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String waitingFor,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable SearchSpec spec,
    SearchMetric.Samples samples,
    Progress progress,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<Trial> trials,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<Rung> rungs,
    List<Point> paretoFront,
    Map<SearchMetric, Double> reference,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<Volume> hypervolume,
    Instant createdAt,
    @Nullable Instant finishedAt,
    @JsonIgnore String version) {

  /** Reason why a search ended, one of a fixed set of words. */
  public enum End {
    /** The maximum number of trials is reached. */
    TRIALS,
    /** The epochs that are left do not suffice for the first rung of a trial. */
    EPOCHS,
    /** The maximum training time is reached. */
    HOURS,
    /** Every combination of values has been tried. */
    EXHAUSTED,
    /** All trials of the first two generations failed. */
    NO_RESULT,
    /** A request cancelled the search. */
    REQUESTED,
    /** The stored search is damaged: submit it again. */
    UNREADABLE;

    @JsonValue
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What becomes of a trial. */
  public enum TrialState {
    /** Waits for a worker. */
    QUEUED,
    /** Trains. */
    RUNNING,
    /** Waits for the other trials of its rung. */
    WAITING,
    /** Stopped after a rung because other trials were better. */
    STOPPED,
    /** Trained all its epochs, or ended by its own early stopping. */
    FINISHED,
    /** Failed, was refused, or was cancelled or deleted before the end of its rung. */
    FAILED,
    /** Cancelled together with the search. */
    CANCELLED;

    @JsonValue
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Progress of a search.
   *
   * @param trials Number of trials that were proposed.
   * @param finished Number of trials that have ended.
   * @param generation Number of the latest generation, starting from 0.
   * @param epochs Number of trained epochs of all trials.
   * @param hours Training time of all trials, in hours.
   * @param ratio Used part of the budget that is used up most, at most 1.
   */
  public record Progress(
      int trials, int finished, int generation, long epochs, double hours, double ratio) {}

  /**
   * One trial of a search.
   *
   * @param number Number of the trial, starting from 0.
   * @param generation Number of its generation, starting from 0.
   * @param job Id of its job; null where it was deleted or refused.
   * @param label Values of the trial in words.
   * @param values Values of the trial, by their path in the search's job.
   * @param status What became of the trial.
   * @param reason Reason of the state of its job.
   * @param error Description of why the trial was refused or failed.
   * @param rung Number of the rung that it is in or reached, starting from 0.
   * @param epochs Number of its completed epochs.
   * @param metrics Objectives and bounded metrics at the end of its last complete rung; null before
   *     the first, and where it failed.
   * @param feasible Whether the metrics are within all bounds.
   * @param onFront Whether the trial is on the Pareto front.
   */
  public record Trial(
      int number,
      int generation,
      @Nullable UUID job,
      String label,
      Map<String, @Nullable Object> values,
      TrialState status,
      @Nullable Reason reason,
      @Nullable String error,
      int rung,
      int epochs,
      @Nullable Map<SearchMetric, Double> metrics,
      boolean feasible,
      boolean onFront) {}

  /**
   * One rung of a generation.
   *
   * @param generation Number of the generation, starting from 0.
   * @param rung Number of the rung, starting from 0.
   * @param epochs Number of epochs at the end of the rung.
   * @param trials Numbers of the trials that entered the rung.
   * @param promoted Numbers of the trials that went on to the next rung; empty while the rung is
   *     incomplete and for the last one.
   * @param complete Whether all trials of the rung have a result.
   */
  public record Rung(
      int generation,
      int rung,
      int epochs,
      List<Integer> trials,
      List<Integer> promoted,
      boolean complete) {}

  /**
   * Point of the Pareto front.
   *
   * @param trial Number of the trial.
   * @param job Id of its job; null where it was deleted.
   * @param label Values of the trial in words.
   * @param metrics Objectives and bounded metrics, all of the same network and samples.
   */
  public record Point(
      int trial, @Nullable UUID job, String label, Map<SearchMetric, Double> metrics) {}

  /**
   * Hypervolume after a rung.
   *
   * @param trials Number of trials with a result.
   * @param epochs Number of epochs that these trials had completed.
   * @param seconds Time since the submission of the search, in seconds.
   * @param value Hypervolume, between 0 and 1.
   */
  public record Volume(int trials, long epochs, double seconds, double value) {}

  /**
   * A trial in the drawing of the front.
   *
   * @param cost value of the first objective or bound that is not an accuracy
   * @param accuracy value of the first objective or bound that is an accuracy
   */
  public record Drawn(int trial, @Nullable UUID job, String label, double cost, double accuracy) {}

  /** Trials with an accuracy and a cost, which the drawing of the front shows. */
  @JsonIgnore
  public List<Drawn> drawn() {
    var accuracy = metric(true);
    var cost = metric(false);
    if (trials == null || accuracy == null || cost == null) {
      return List.of();
    }
    var drawn = new ArrayList<Drawn>();
    for (var trial : trials) {
      var metrics = trial.metrics();
      Double x = metrics == null ? null : metrics.get(cost);
      Double y = metrics == null ? null : metrics.get(accuracy);
      if (x != null && y != null) {
        drawn.add(new Drawn(trial.number(), trial.job(), trial.label(), x, y));
      }
    }
    return drawn;
  }

  /** Name of the axis of {@link Drawn#cost}. */
  @JsonIgnore
  public String drawnCost() {
    var cost = metric(false);
    return cost == null
        ? "cost"
        : switch (cost) {
          case SYNOPS, TEST_SYNOPS -> "synops per sample";
          case QUANTIZED_SYNOPS -> "synops of the quantised network per sample";
          case FIRING_RATE -> "spikes per neuron per time step";
          case LOSS -> "loss";
          case ACCURACY, TEST_ACCURACY, QUANTIZED_ACCURACY -> cost.word();
        };
  }

  @JsonIgnore
  public String drawingTitle() {
    return switch (samples) {
          case HELD_OUT -> "Accuracy on held-out samples against ";
          case TRAINING -> "Accuracy on training samples against ";
        }
        + drawnCost();
  }

  private @Nullable SearchMetric metric(boolean accuracy) {
    return spec == null
        ? null
        : spec.metrics().values().stream()
            .filter(metric -> metric.isAccuracy() == accuracy)
            .findFirst()
            .orElse(null);
  }

  /** Approximate size in JSON as an entry of a list, in bytes. */
  long bytes() {
    return 800 + 300L * paretoFront.size();
  }
}
