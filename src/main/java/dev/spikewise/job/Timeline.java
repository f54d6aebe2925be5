package dev.spikewise.job;

import dev.spikewise.problem.Problem;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.spec.EpochMetrics;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;
import tools.jackson.databind.json.JsonMapper;

/**
 * The events of a job (epochs and state changes) in one order that never changes: by attempt,
 * number of completed epochs, and number of the state change. All three only increase, and only
 * while the job's row is locked. A client that continues after the last event it received therefore
 * misses none, whichever replica it asks.
 */
@Repository
public class Timeline {

  private final JdbcClient client;
  private final JsonMapper mapper;
  private final ApplicationEventPublisher publisher;

  Timeline(JdbcClient client, JsonMapper mapper, ApplicationEventPublisher publisher) {
    this.client = client;
    this.mapper = mapper;
    this.publisher = publisher;
  }

  /**
   * One event of a job.
   *
   * @param event Kind of the event, {@code epoch} or {@code state}.
   * @param data Metrics of the epoch, or the new state of the job.
   * @param id Id of the event, to continue after.
   */
  public record Entry(String id, String event, Object data) {

    /** Approximate size in JSON, in bytes. */
    long bytes() {
      return 100
          + switch (data) {
            case EpochMetrics epoch -> epoch.bytes();
            case StateChange change ->
                200 + (change.detail() == null ? 0 : change.detail().length());
            default -> 0;
          };
    }
  }

  /**
   * New state of a job.
   *
   * @param epoch number of completed epochs that have been reported to clients
   * @param checkpoint number of completed epochs in the checkpoint from which the job starts to
   *     run; null for other states. After the loss of a worker, epochs that were already reported
   *     are trained again with the same result
   */
  public record StateChange(
      JobState status,
      @Nullable Reason reason,
      @Nullable String detail,
      int attempt,
      int epoch,
      @Nullable Integer checkpoint,
      Instant at) {}

  /** Position of an event in the order; "1-57-0" as text. */
  record Place(int attempt, int epoch, int change) {
    static final Place START = new Place(0, 0, 0);
    private static final Pattern TEXT = Pattern.compile("(\\d{1,9})-(\\d{1,9})-(\\d{1,9})");

    static Place parse(String text) {
      var match = TEXT.matcher(text);
      if (!match.matches()) {
        throw new ProblemException(
            Problem.Code.INVALID_PARAMETER,
            "\""
                + text
                + "\" is not the id of an event: send an id that this stream or list returned");
      }
      return new Place(
          Integer.parseInt(match.group(1)),
          Integer.parseInt(match.group(2)),
          Integer.parseInt(match.group(3)));
    }

    @Override
    public String toString() {
      return attempt + "-" + epoch + "-" + change;
    }
  }

  /**
   * Records the transition of {@code row} from {@code from} in the current transaction, and
   * publishes it after the commit.
   */
  void changed(JobRow row, @Nullable JobState from, Instant now) {
    changed(row, from, null, now);
  }

  /** Records that a job starts to run from the checkpoint after {@code checkpoint} epochs. */
  void claimed(JobRow row, int checkpoint, Instant now) {
    changed(row, JobState.QUEUED, checkpoint, now);
  }

  private void changed(
      JobRow row, @Nullable JobState from, @Nullable Integer checkpoint, Instant now) {
    var job = row.toJob(null);
    String detail = job.error() == null ? null : job.error().detail();
    client
        .sql(
            """
            insert into state_change (job_id, number, attempt, epoch, content)
            values (:job, :number, :attempt, :epoch, :content)\
            """)
        .param("job", row.id())
        .param("number", row.stateChanges() + 1)
        .param("attempt", row.attempt())
        .param("epoch", row.epoch())
        .param(
            "content",
            mapper.writeValueAsString(
                new StateChange(
                    row.status(),
                    row.reason(),
                    detail,
                    row.attempt(),
                    row.epoch(),
                    checkpoint,
                    now)))
        .update();
    publisher.publishEvent(new JobEvent.StateChanged(job, from));
  }

  /**
   * Lists the events after {@code place}. A single statement reads epochs and state changes, so
   * that both come from the same snapshot.
   */
  List<Entry> after(UUID jobId, Place place, int limit) {
    return client
        .sql(
            """
            select attempt, epoch, number, content from (
              select attempt, epoch, number, content from state_change where job_id = :job
              union all
              select j.attempt, e.epoch + 1, 0, e.metrics from epoch e join job j on j.id = e.job_id
              where j.id = :job and e.epoch >= case when j.attempt > :attempt then 0 else :epoch end
            ) events
            where (attempt, epoch, number) > (:attempt, :epoch, :change)
            order by attempt, epoch, number limit :limit\
            """)
        .param("job", jobId)
        .param("attempt", place.attempt())
        .param("epoch", place.epoch())
        .param("change", place.change())
        .param("limit", limit)
        .query(
            (row, i) ->
                entry(new Place(row.getInt(1), row.getInt(2), row.getInt(3)), row.getString(4)))
        .list();
  }

  List<StateChange> stateChanges(UUID jobId) {
    return client
        .sql("select content from state_change where job_id = :job order by number")
        .param("job", jobId)
        .query((row, i) -> mapper.readValue(row.getString(1), StateChange.class))
        .list();
  }

  private Entry entry(Place at, String json) {
    return at.change() == 0
        ? new Entry(at.toString(), "epoch", mapper.readValue(json, EpochMetrics.class))
        : new Entry(at.toString(), "state", mapper.readValue(json, StateChange.class));
  }
}
