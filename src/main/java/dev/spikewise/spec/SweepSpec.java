package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Mistakes.Mistake;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Request to train a job in several variants, one per combination of values and seeds.
 *
 * @param job Job that all variants share.
 * @param over values by their place in {@code job}, such as {@code
 *     "loss/0/target/baseline_multiple": [2, 1, 0.5]}
 * @param seeds Seeds, one variant each; the job's own seed when empty.
 * @param halving Rounds that follow each variant; none when absent.
 * @param name Display name of the sweep.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SweepSpec(
    @Nullable String name,
    TrainingSpec job,
    Map<String, List<@Nullable Object>> over,
    List<Long> seeds,
    @Nullable Halving halving)
    implements Checked {

  private static final String SEED = "seed";
  private static final int MAX_NAME = 200;

  /** Maximum number of varied places, each of which is read and written once per variant. */
  private static final int MAX_PLACES = 64;

  /** Maximum number of characters of a value in a label. */
  private static final int MAX_WORD = 80;

  public SweepSpec {
    over = over == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(over));
    seeds = seeds == null ? List.of() : Collections.unmodifiableList(new ArrayList<>(seeds));
  }

  /**
   * Trains on from the weights of the round before towards half of the synops it reached, as
   * Sorbaro et al. (2020, doi:10.3389/fnins.2020.00662) do. The job's first synops term gets the
   * new target; a job without one gets a limit.
   *
   * @param rounds Number of jobs in a row, the first of which is the job as submitted.
   */
  public record Halving(Integer rounds) {

    static final int MAX_ROUNDS = 32;

    /** Returns the round after {@code job}, which has reached {@code synops} per sample. */
    public TrainingSpec next(TrainingSpec job, @Nullable String name, double synops) {
      var target = new LossTerm.Target(synops / 2, null);
      var loss = new ArrayList<>(job.loss());
      int index = synopsTerm(job);
      if (index < 0) {
        loss.add(LossTerm.Synops.limit(target));
      } else {
        loss.set(index, ((LossTerm.Synops) loss.get(index)).withTarget(target));
      }
      return job.with(name, loss);
    }

    /** Reports the reasons why the target of {@code job} cannot be halved. */
    public void check(TrainingSpec job, Mistakes mistakes) {
      int index = synopsTerm(job);
      if (index >= 0 && job.loss().get(index) instanceof LossTerm.Synops term) {
        mistakes
            .in("loss")
            .require(
                term.scope() == LossTerm.Scope.MODEL
                    && term.unit() == LossTerm.Unit.PER_SAMPLE
                    && term.layers() == null,
                Integer.toString(index),
                "must be a per_sample target for the whole model because `halve` changes it");
      }
    }

    private static int synopsTerm(TrainingSpec job) {
      return job.loss().stream().map(LossTerm.Synops.class::isInstance).toList().indexOf(true);
    }
  }

  @Override
  public void check(Mistakes mistakes) {
    if (name != null) {
      mistakes.name(name, "name");
    }
    mistakes.require(job != null, "job", "is missing: give a job as for POST /jobs");
    mistakes.require(
        over.size() <= MAX_PLACES,
        "over",
        "must have at most %d places but has %d".formatted(MAX_PLACES, over.size()));
    over.forEach(
        (path, values) -> {
          var at = mistakes.in("over");
          if (at.require(values != null, path, "must be a list")) {
            at.require(!values.isEmpty(), path, "must have at least one value");
          }
        });
    mistakes.require(
        seeds.isEmpty() || !over.containsKey(SEED),
        "seeds",
        "must be left out when over/seed is given");
    for (int i = 0; i < seeds.size(); i++) {
      mistakes.in("seeds").require(seeds.get(i) != null, Integer.toString(i), "must be a number");
    }
    if (halving != null) {
      var at = mistakes.in("halving");
      if (job != null && job.pruneChannels() != null) {
        at.add(
            "must be left out with job/prune_channels, because each round starts with all channels"
                + " of the job's model: use prune_channels/above_target or a search");
      }
      if (at.require(halving.rounds != null, "rounds", "is missing: give the number of rounds")) {
        at.between(halving.rounds, 2, Halving.MAX_ROUNDS, "rounds");
      }
    }
  }

  /** Number of variants, limited to the maximum of an int. */
  public int combinations() {
    long product = 1;
    for (var values : axes().values()) {
      product = Math.min(Integer.MAX_VALUE, product * values.size());
    }
    return (int) product;
  }

  /** Number of successive jobs of each variant. */
  public int rounds() {
    return halving == null ? 1 : halving.rounds;
  }

  /** Values of a variant by place; the last place changes fastest. */
  public Map<String, @Nullable Object> values(int combination) {
    var axes = axes();
    var indices = indices(axes, combination);
    var values = new LinkedHashMap<String, @Nullable Object>();
    axes.forEach((path, axis) -> values.put(path, axis.get(indices[values.size()])));
    return values;
  }

  /** Values of a variant in words: "baseline_multiple 0.5, seed 2". */
  public String label(int combination, int round) {
    var words = words(values(combination));
    if (rounds() == 1) {
      return words;
    }
    var ofRound = "round " + (round + 1);
    return words.isEmpty() ? ofRound : words + ", " + ofRound;
  }

  /** Values by their path in words: "baseline_multiple 0.5, seed 2". */
  public static String words(Map<String, ? extends @Nullable Object> values) {
    var words = new ArrayList<String>();
    values.forEach(
        (path, value) ->
            words.add(path.substring(path.lastIndexOf('/') + 1) + " " + excerpt(value)));
    return String.join(", ", words);
  }

  private static String excerpt(@Nullable Object value) {
    var text = String.valueOf(value);
    return text.length() <= MAX_WORD ? text : text.substring(0, MAX_WORD - 3) + "...";
  }

  /** Name of a variant's job. */
  public @Nullable String jobName(int combination, int round) {
    var words =
        Stream.of(job.name() == null ? name : job.name(), label(combination, round))
            .filter(word -> word != null && !word.isEmpty())
            .collect(Collectors.joining(", "))
            .replaceAll("\\p{Cntrl}", " ");
    return words.isEmpty() ? null : words.substring(0, Math.min(words.length(), MAX_NAME));
  }

  /** Translates a mistake in the job of a variant to its place in this document. */
  public Mistake blame(int combination, Mistake mistake) {
    var axes = axes();
    var indices = indices(axes, combination);
    int place = 0;
    for (var path : axes.keySet()) {
      int index = indices[place++];
      if (mistake.isWithin(pointer(path)) || pointer(path).startsWith(mistake.pointer() + "/")) {
        var at = new Mistakes();
        var list = path.equals(SEED) && !seeds.isEmpty() ? at.in("seeds") : at.in("over").in(path);
        list.in(index).add(mistake.detail());
        return at.list().getFirst();
      }
    }
    return new Mistake("/job" + mistake.pointer(), mistake.detail());
  }

  /** A place in {@code job} as a JSON pointer (RFC 6901). */
  public static String pointer(String path) {
    return path.startsWith("/") ? path : "/" + path;
  }

  /** Number of a variant's value at each of the places. */
  private static int[] indices(Map<String, ? extends List<?>> axes, int combination) {
    var indices = new int[axes.size()];
    int rest = combination;
    int place = axes.size();
    for (var axis : List.copyOf(axes.values()).reversed()) {
      indices[--place] = rest % axis.size();
      rest /= axis.size();
    }
    return indices;
  }

  private Map<String, List<? extends @Nullable Object>> axes() {
    var axes = new LinkedHashMap<String, List<? extends @Nullable Object>>(over);
    if (!seeds.isEmpty()) {
      axes.put(SEED, seeds);
    }
    return axes;
  }
}
