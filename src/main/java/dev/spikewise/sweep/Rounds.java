package dev.spikewise.sweep;

import static java.util.Objects.requireNonNull;

import dev.spikewise.job.Documents;
import dev.spikewise.job.Jobs;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.store.StoredJson;
import dev.spikewise.store.Ticking;
import dev.spikewise.sweep.SweepRepository.Place;
import dev.spikewise.sweep.SweepRepository.Row;
import java.util.UUID;
import java.util.function.BiFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;
import org.springframework.transaction.support.TransactionOperations;

/**
 * Starts the next rounds of halving. Every process looks for rounds that are due, so that none is
 * lost when a process dies. A round starts in the transaction that stores its row, which succeeds
 * in only one process.
 */
@Component
class Rounds extends Ticking {

  private static final Logger LOG = LoggerFactory.getLogger(Rounds.class);
  private static final int MAX_REFUSAL = 2000;

  private final SweepRepository sweeps;
  private final Jobs jobs;
  private final Documents documents;
  private final TransactionOperations transactions;

  Rounds(
      SweepRepository sweeps,
      Jobs jobs,
      Documents documents,
      TransactionOperations transactions,
      SweepSettings settings) {
    super("rounds", settings.poll());
    this.sweeps = sweeps;
    this.jobs = jobs;
    this.documents = documents;
    this.transactions = transactions;
  }

  @Override
  protected void tick() {
    try {
      sweeps.due().forEach(this::tryToStartNext);
    } catch (RuntimeException e) {
      LOG.warn("The halving rounds that are due could not be read: {}", e.toString());
    }
  }

  /** A failure in one sweep must not stop the others. */
  private void tryToStartNext(Place done) {
    try {
      startNext(done);
    } catch (RuntimeException e) {
      LOG.warn("A halving round could not be started and will be retried: {}", e.toString());
    }
  }

  /** Starts the round after {@code done}, or records why it cannot be trained. */
  void startNext(Place done) {
    try {
      begin(
          done,
          (sweep, round) ->
              Place.job(
                  sweep.id(),
                  done.combination(),
                  round,
                  submit(documents.sweep(sweep.id()), done)));
    } catch (InvalidSpecException | StoredJson.Unreadable e) {
      var why = String.valueOf(e.getMessage());
      var refusal = why.substring(0, Math.min(why.length(), MAX_REFUSAL));
      begin(done, (sweep, round) -> Place.refused(sweep.id(), done.combination(), round, refusal));
    }
  }

  /**
   * Stores the round after {@code done}, unless another process has stored it or the sweep was
   * cancelled.
   */
  private void begin(Place done, BiFunction<Row, Integer, Place> next) {
    transactions.executeWithoutResult(
        transaction ->
            sweeps
                .lock(done.sweepId())
                .filter(sweep -> sweep.cancelledAt() == null && sweeps.due().contains(done))
                .ifPresent(sweep -> sweeps.insert(next.apply(sweep, done.round() + 1))));
  }

  private UUID submit(SweepSpec spec, Place done) {
    var job = jobs.get(requireNonNull(done.jobId()));
    var name = spec.jobName(done.combination(), done.round() + 1);
    double reached = requireNonNull(job.latest()).synops();
    var next = requireNonNull(spec.halving()).next(requireNonNull(job.spec()), name, reached);
    return jobs.submit(next, job.id()).id();
  }
}
