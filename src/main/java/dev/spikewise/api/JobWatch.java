package dev.spikewise.api;

import dev.spikewise.job.Job;
import dev.spikewise.job.Jobs;
import dev.spikewise.job.Timeline;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.web.EventStream;
import dev.spikewise.web.QueryBroadcaster;
import dev.spikewise.web.QueryBroadcaster.Outcome;
import dev.spikewise.web.QueryBroadcaster.Result;
import dev.spikewise.web.StreamLimits;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessException;
import org.springframework.stereotype.Component;
import org.springframework.transaction.TransactionException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Waits for changes of a job on behalf of open requests. It polls the database, because another
 * replica may train the job.
 */
@Component
class JobWatch {

  private static final Duration POLL_INTERVAL = Duration.ofMillis(200);
  private static final int PAGE = 1000;

  /**
   * Maximum number of streams that read earlier events at the same time; more would keep the
   * database from other requests.
   */
  private static final int MAX_CATCHING_UP = 2;

  private static final Logger LOG = LoggerFactory.getLogger(JobWatch.class);

  private final Jobs jobs;
  private final QueryBroadcaster broadcaster;
  private final StreamLimits streamLimits;
  private final JsonMapper mapper;
  private final Semaphore catchingUp = new Semaphore(MAX_CATCHING_UP, true);

  JobWatch(Jobs jobs, QueryBroadcaster broadcaster, StreamLimits streamLimits, JsonMapper mapper) {
    this.jobs = jobs;
    this.broadcaster = broadcaster;
    this.streamLimits = streamLimits;
    this.mapper = mapper;
  }

  private QueryBroadcaster.Subscription<WatchedJob> subscribe(UUID id) {
    return broadcaster.subscribe(id, POLL_INTERVAL, () -> new WatchedJob(jobs.getSummary(id)));
  }

  /**
   * Waits until the job no longer satisfies {@code unchanged}, has ended, or {@code timeout} has
   * passed, and returns it without its documents.
   */
  Job await(UUID id, Predicate<Job> unchanged, Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    try (var subscription = subscribe(id)) {
      var result = subscription.now();
      var job = result.value().job;
      while (unchanged.test(job) && !job.status().isFinal() && System.nanoTime() < deadline) {
        result = subscription.next(result);
        if (result == null) {
          return job;
        }
        job = result.value().job;
      }
      return job;
    }
  }

  /** A job at one point in time, with the events that lead to it, shared by all its streams. */
  private final class WatchedJob {

    private final Job job;
    private final Map<String, Outcome<EventBatch>> batches = new HashMap<>();

    WatchedJob(Job job) {
      this.job = job;
    }

    /** Events after the one with id {@code lastEventId}. */
    synchronized EventBatch after(@Nullable String lastEventId) {
      return batches
          .computeIfAbsent(
              String.valueOf(lastEventId), _ -> Outcome.of(() -> read(job.id(), lastEventId)))
          .get();
    }
  }

  /** A server-sent event. */
  private record Event(String id, String name, String json) {}

  /**
   * Consecutive events of a job.
   *
   * @param more whether further events are already stored
   */
  private record EventBatch(List<Event> events, boolean more) {
    static final EventBatch EMPTY = new EventBatch(List.of(), false);
  }

  private EventBatch read(UUID id, @Nullable String lastEventId) {
    var page = jobs.events(id, lastEventId, PAGE);
    return new EventBatch(
        page.data().stream().map(this::event).toList(), page.nextCursor() != null);
  }

  private Event event(Timeline.Entry entry) {
    return new Event(entry.id(), entry.event(), mapper.writeValueAsString(entry.data()));
  }

  private EventBatch catchUp(UUID id, @Nullable String lastEventId) {
    catchingUp.acquireUninterruptibly();
    try {
      return read(id, lastEventId);
    } finally {
      catchingUp.release();
    }
  }

  /**
   * Streams a job's events after the one with id {@code lastEventId} as server-sent events, until
   * the job has ended. The last event is {@code end} with the job. It has no id, so that a client
   * that reconnects receives it again.
   */
  void stream(
      UUID id,
      @Nullable String lastEventId,
      HttpServletRequest request,
      HttpServletResponse response) {
    try (var _ = streamLimits.acquire(request, response);
        var subscription = subscribe(id)) {
      // The state is read before the events: a job that had ended then has no later events.
      var result = subscription.now();
      write(subscription, result, lastEventId, catchUp(id, lastEventId), response);
    }
  }

  private void write(
      QueryBroadcaster.Subscription<WatchedJob> subscription,
      Result<WatchedJob> firstResult,
      @Nullable String lastEventId,
      EventBatch firstBatch,
      HttpServletResponse response) {
    String last = lastEventId;
    var result = firstResult;
    var batch = firstBatch;
    try {
      var stream = new EventStream(response);
      while (result != null) {
        for (var event : batch.events) {
          stream.send(event.name, event.json, event.id);
          last = event.id;
        }
        stream.keepAlive();
        var job = result.value().job;
        if (batch.more) {
          batch = catchUp(job.id(), last);
        } else if (job.status().isFinal()) {
          stream.send(
              "end",
              mapper.writeValueAsString(JobController.Resource.of(jobs.get(job.id()))),
              null);
          return;
        } else {
          result = subscription.next(result);
          // Every event increases the job's version.
          batch =
              result == null || result.value().job.version() == job.version()
                  ? EventBatch.EMPTY
                  : result.value().after(last);
        }
      }
    } catch (IOException | ProblemException e) {
      // The client has disconnected, or the job was deleted.
    } catch (DataAccessException | TransactionException e) {
      // The response has begun, so no problem can be sent. The client reconnects with its
      // Last-Event-ID.
      LOG.warn(
          "Closing a stream of events because the database does not respond: {}", e.toString());
    }
  }
}
