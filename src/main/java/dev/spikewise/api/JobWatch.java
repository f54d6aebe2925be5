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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.function.Supplier;
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
  private static final Duration LOOK_AT_LIST = Duration.ofSeconds(1);

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
    while (known.test(job)
        && !job.status().isFinal()
        && System.nanoTime() < deadline
        && rest(LOOK)) {
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
    bounded(response, () -> write(id, last, response));
  }

  /** So many streams at a time as the settings allow. */
  private void bounded(HttpServletResponse response, Runnable stream) {
    if (!streams.tryAcquire()) {
      response.setHeader(HttpHeaders.RETRY_AFTER, "30");
      throw new ProblemException(
          Code.UNAVAILABLE,
          "the %d streams of spikewise.http.max-streams are open; ask for a page of events"
              .formatted(maxStreams));
    }
    try {
      stream.run();
    } finally {
      streams.release();
    }
  }

  private void write(UUID id, @Nullable String after, HttpServletResponse response) {
    String last = after;
    var job = jobs.get(id);
    var news = jobs.events(id, last, PAGE);
    try {
      var stream = new EventStream(response);
      while (!(news.isEmpty() && job.status().isFinal())) {
        for (var entry : news) {
          stream.send(entry.event(), entry.data(), entry.id());
          last = entry.id();
        }
        stream.keepAlive();
        if (news.size() < PAGE && !rest(LOOK)) {
          return;
        }
        // The state before the news: a job seen as over has no news to come.
        job = jobs.get(id);
        news = jobs.events(id, last, PAGE);
      }
      stream.send("end", JobController.Resource.of(job), null);
    } catch (IOException | ProblemException e) {
      // The reader has gone, or the job was deleted: there is no one, or nothing, to tell.
    } catch (DataAccessException | TransactionException e) {
      // What is begun cannot become a problem any more: the reader comes back with its
      // Last-Event-ID.
      LOG.warn("A stream of events ends because the database does not answer: {}", e.toString());
    }
  }

  /**
   * Keeps a reader's copy of a list up to date by server-sent events: a {@code job} for each that
   * is new or has changed, oldest first, then {@code list} with all ids, newest first, if they are
   * others. It starts with everything, unless that is as it was at the event with id {@code last}.
   */
  void stream(Supplier<List<Job>> list, @Nullable String last, HttpServletResponse response) {
    bounded(response, () -> write(list, last, response));
  }

  private void write(
      Supplier<List<Job>> list, @Nullable String last, HttpServletResponse response) {
    var now = list.get();
    try {
      var stream = new EventStream(response);
      var told = state(now).equals(last) ? versions(now) : Map.<UUID, String>of();
      boolean others = told.isEmpty();
      do {
        var known = told;
        var versions = versions(now);
        others |= !List.copyOf(versions.keySet()).equals(List.copyOf(known.keySet()));
        var changed =
            now.reversed().stream()
                .filter(job -> !JobController.etag(job).equals(known.get(job.id())))
                .toList();
        // Only the last of these events has an id: whoever misses it is told everything again.
        for (var job : changed) {
          boolean ends = !others && job == changed.getLast();
          stream.send("job", JobController.Resource.of(job), ends ? state(now) : null);
        }
        if (others) {
          stream.send("list", Map.of("ids", versions.keySet()), state(now));
        }
        told = versions;
        others = false;
        stream.keepAlive();
        if (!rest(LOOK_AT_LIST)) {
          return;
        }
        now = list.get();
      } while (true);
    } catch (IOException e) {
      // The reader has gone.
    } catch (DataAccessException | TransactionException e) {
      LOG.warn("A stream of jobs ends because the database does not answer: {}", e.toString());
    }
  }

  private static Map<UUID, String> versions(List<Job> list) {
    var versions = new LinkedHashMap<UUID, String>();
    list.forEach(job -> versions.put(job.id(), JobController.etag(job)));
    return versions;
  }

  private static String state(List<Job> list) {
    var versions = versions(list).toString();
    return UUID.nameUUIDFromBytes(versions.getBytes(StandardCharsets.UTF_8)).toString();
  }

  /** Server-sent events on their way to one reader. */
  private final class EventStream {

    private final OutputStream out;
    private long wroteAt = System.nanoTime();

    EventStream(HttpServletResponse response) throws IOException {
      response.setContentType(MediaType.TEXT_EVENT_STREAM_VALUE);
      response.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
      // nginx would hold the events back.
      response.setHeader("X-Accel-Buffering", "no");
      out = response.getOutputStream();
      response.flushBuffer();
    }

    void send(String event, Object data, @Nullable String id) throws IOException {
      write(
          (id == null ? "" : "id: " + id + "\n")
              + ("event: " + event + "\ndata: " + mapper.writeValueAsString(data)));
    }

    /** A comment, once nothing was sent for a while. */
    void keepAlive() throws IOException {
      if (System.nanoTime() - wroteAt > KEEP_ALIVE.toNanos()) {
        write(":");
      }
    }

    private void write(String event) throws IOException {
      out.write((event + "\n\n").getBytes(StandardCharsets.UTF_8));
      out.flush();
      wroteAt = System.nanoTime();
    }
  }

  /** Returns whether there is time to look again. */
  private boolean rest(Duration time) {
    try {
      Thread.sleep(time.multipliedBy(Math.ceilDiv(waiting.incrementAndGet(), LOOKERS)));
      return !closing;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      waiting.decrementAndGet();
    }
  }
}
