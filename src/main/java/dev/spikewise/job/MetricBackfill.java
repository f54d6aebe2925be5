package dev.spikewise.job;

import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.store.StoredJson;
import java.sql.Types;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.event.EventListener;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import tools.jackson.core.JacksonException;

/**
 * Fills the metric columns of jobs that were trained by an earlier version. This is not a database
 * migration because replicas of the earlier version may still write during a rolling update.
 */
@Component
class MetricBackfill {

  private static final Logger LOG = LoggerFactory.getLogger(MetricBackfill.class);
  private static final int BATCH = 200;

  private final JdbcClient jdbc;
  private final StoredJson json;
  private final EpochRepository epochs;

  MetricBackfill(JdbcClient jdbc, StoredJson json, EpochRepository epochs) {
    this.epochs = epochs;
    this.jdbc = jdbc;
    this.json = json;
  }

  private record Row(UUID id, long number, String latest) {}

  @EventListener(ApplicationReadyEvent.class)
  void fill() {
    fillLatest();
    fillBest();
  }

  private void fillLatest() {
    long after = 0;
    while (true) {
      var rows =
          jdbc.sql(
                  "select id, number, latest from job where latest is not null and synops is null"
                      + " and number > ? order by number limit "
                      + BATCH)
              .param(after)
              .query(
                  (row, _) ->
                      new Row(row.getObject(1, UUID.class), row.getLong(2), row.getString(3)))
              .list();
      if (rows.isEmpty()) {
        return;
      }
      rows.forEach(this::fill);
      after = rows.getLast().number();
    }
  }

  private record Trained(UUID id, int epochs) {}

  /** Computes the best values of ended jobs whose epochs an earlier version has stored. */
  private void fillBest() {
    var rows =
        jdbc.sql(
                "select id, epoch from job where epoch > 0 and best_epochs <> epoch"
                    + " and status in ('SUCCEEDED', 'FAILED', 'CANCELLED')")
            .query((row, _) -> new Trained(row.getObject(1, UUID.class), row.getInt(2)))
            .list();
    for (var row : rows) {
      var best = Job.Best.NONE;
      try {
        for (int after = -1; after < row.epochs() - 1; after += BATCH) {
          best = best.with(epochs.find(row.id(), after, BATCH));
        }
      } catch (JacksonException e) {
        LOG.warn("The epochs of job {} cannot be read: {}", row.id(), e.getMessage());
        continue;
      }
      jdbc.sql(
              "update job set best_loss = :loss, best_synops = :synops, best_accuracy = :accuracy,"
                  + " best_test_accuracy = :test_accuracy, best_epochs = :epochs"
                  + " where id = :id and epoch = :epochs")
          .param("loss", best.loss(), Types.DOUBLE)
          .param("synops", best.synops(), Types.DOUBLE)
          .param("accuracy", best.accuracy(), Types.DOUBLE)
          .param("test_accuracy", best.testAccuracy(), Types.DOUBLE)
          .param("epochs", row.epochs())
          .param("id", row.id())
          .update();
    }
  }

  private void fill(Row row) {
    EpochMetrics latest;
    try {
      latest = json.read(row.latest(), EpochMetrics.class);
    } catch (StoredJson.Unreadable e) {
      LOG.warn(
          "The metrics of job {} cannot be read; it is sorted as a job without metrics: {}",
          row.id(),
          e.getMessage());
      return;
    }
    // Skips a row to which a worker has written a newer epoch in the meantime.
    jdbc.sql(
            "update job set loss = :loss, synops = :synops, firing_rate = :firing_rate,"
                + " accuracy = :accuracy, test_accuracy = :test_accuracy"
                + " where id = :id and synops is null")
        .param("loss", latest.loss())
        .param("synops", latest.synops())
        .param("firing_rate", latest.firingRate())
        .param("accuracy", latest.accuracy(), Types.DOUBLE)
        .param("test_accuracy", latest.testAccuracy(), Types.DOUBLE)
        .param("id", row.id())
        .update();
  }
}
