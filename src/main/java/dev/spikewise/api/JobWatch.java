package dev.spikewise.api;

import dev.spikewise.job.Job;
import dev.spikewise.job.Jobs;
import dev.spikewise.spec.Problem.Code;
import dev.spikewise.spec.ProblemException;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.dao.DataAccessException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import org.springframework.transaction.TransactionException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Holds requests until a job has news. It looks for them in the database, as another replica may be
 * the one that trains, and blocks the request's own thread, which is a virtual one.
 */
@Component
class JobWatch {

  private static final Duration LOOK = Duration.ofMillis(200);

  /** So many look at that pace; more share it, so that the database hears no more of them. */
  private static final int LOOKERS = 100;

  /** Silence after which proxies and clients are shown that the stream is alive. */
  private static final Duration KEEP_ALIVE = Duration.ofSeconds(15);

  private static final int PAGE = 1000;

  private static final Logger LOG = LoggerFactory.getLogger(JobWatch.class);

  private final Jobs jobs;
  private final JsonMapper mapper;
  private final int maxStreams;
  private final AtomicInteger waiting = new AtomicInteger();
  private final Semaphore streams;
  private volatile boolean closing;

  JobWatch(Jobs jobs, JsonMapper mapper, HttpSettings settings) {
    this.jobs = jobs;
    this.mapper = mapper;
    this.maxStreams = settings.maxStreams();
    this.streams = new Semaphore(maxStreams);
  }

  /** A shutdown waits for the requests, which must not wait for it. */
  @EventListener(ContextClosedEvent.class)
  void close() {
    closing = true;
  }

  /** The job as soon as it is no longer {@code known}, is over, or {@code most} has passed. */
  Job await(UUID id, Predicate<Job> known, Duration most) {
    long deadline = System.nanoTime() + most.toNanos();
    var job = jobs.get(id);
    while (known.test(job) && !job.status().isFinal() && System.nanoTime() < deadline && rest()) {
      job = jobs.get(id);
    }
    return job;
  }

  /**
   * Writes a job's news after the event with id {@code last} as server-sent events, until the job
   * is over: then comes an {@code end} event with the job, without an id, so that whoever
   * reconnects is told again.
   */
  void stream(UUID id, @Nullable String last, HttpServletResponse response) {
    if (!streams.tryAcquire()) {
      response.setHeader(HttpHeaders.RETRY_AFTER, "30");
      throw new ProblemException(
          Code.UNAVAILABLE,
          "the %d streams of spikewise.http.max-streams are open; ask for a page of events"
              .formatted(maxStreams));
    }
    try {
      write(id, last, response);
    } finally {
      streams.release();
    }
  }

  private void write(UUID id, @Nullable String last, HttpServletResponse response) {
    var job = jobs.get(id);
    var news = jobs.events(id, last, PAGE);
    response.setContentType(MediaType.TEXT_EVENT_STREAM_VALUE);
    response.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
    // nginx would hold the events back.
    response.setHeader("X-Accel-Buffering", "no");
    try {
      var out = response.getOutputStream();
      response.flushBuffer();
      long wroteAt = System.nanoTime();
      while (!(news.isEmpty() && job.status().isFinal())) {
        for (var entry : news) {
          write(
              out,
              "id: " + entry.id() + "\nevent: " + entry.event() + "\ndata: " + json(entry.data()));
          last = entry.id();
        }
        if (!news.isEmpty()) {
          wroteAt = System.nanoTime();
        } else if (System.nanoTime() - wroteAt > KEEP_ALIVE.toNanos()) {
          write(out, ":");
          wroteAt = System.nanoTime();
        }
        if (news.size() < PAGE && !rest()) {
          return;
        }
        // The state before the news: a job seen as over has no news to come.
        job = jobs.get(id);
        news = jobs.events(id, last, PAGE);
      }
      write(out, "event: end\ndata: " + json(JobController.Resource.of(job)));
    } catch (IOException | ProblemException e) {
      // The reader has gone, or the job was deleted: there is no one, or nothing, to tell.
    } catch (DataAccessException | TransactionException e) {
      // What is begun cannot become a problem any more: the reader comes back with its
      // Last-Event-ID.
      LOG.warn("A stream of events ends because the database does not answer: {}", e.toString());
    }
  }

  private String json(Object data) {
    return mapper.writeValueAsString(data);
  }

  private static void write(OutputStream out, String event) throws IOException {
    out.write((event + "\n\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  /** Returns whether there is time to look again. */
  private boolean rest() {
    try {
      Thread.sleep(LOOK.multipliedBy(Math.ceilDiv(waiting.incrementAndGet(), LOOKERS)));
      return !closing;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      waiting.decrementAndGet();
    }
  }
}
