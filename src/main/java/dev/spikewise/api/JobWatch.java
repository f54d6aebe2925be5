package dev.spikewise.api;

import dev.spikewise.job.Job;
import dev.spikewise.job.Jobs;
import dev.spikewise.job.Timeline;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.web.EventStream;
import dev.spikewise.web.QueryBroadcaster;
import dev.spikewise.web.QueryBroadcaster.Outcome;
import dev.spikewise.web.QueryBroadcaster.Seen;
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
 * Holds requests until a job has news. It looks for them in the database, as another replica may be
 * the one that trains.
 */
@Component
class JobWatch {

  private static final Duration LOOK = Duration.ofMillis(200);
  private static final int PAGE = 1000;

  /** So many read what was before they came; more would keep the database from everyone else. */
  private static final int CATCHING_UP = 2;

  private static final Logger LOG = LoggerFactory.getLogger(JobWatch.class);

  private final Jobs jobs;
  private final QueryBroadcaster feeds;
  private final StreamLimits seats;
  private final JsonMapper mapper;
  private final Semaphore catchingUp = new Semaphore(CATCHING_UP, true);

  JobWatch(Jobs jobs, QueryBroadcaster feeds, StreamLimits seats, JsonMapper mapper) {
    this.jobs = jobs;
    this.feeds = feeds;
    this.seats = seats;
    this.mapper = mapper;
  }

  private QueryBroadcaster.Feed<JobNews> follow(UUID id) {
    return feeds.follow(id, LOOK, () -> new JobNews(jobs.look(id)));
  }

  /**
   * The job, without its documents, as soon as it is no longer {@code known}, is over, or {@code
   * most} has passed.
   */
  Job await(UUID id, Predicate<Job> known, Duration most) {
    long deadline = System.nanoTime() + most.toNanos();
    try (var feed = follow(id)) {
      var seen = feed.now();
      var job = seen.value().job;
      while (known.test(job) && !job.status().isFinal() && System.nanoTime() < deadline) {
        seen = feed.next(seen);
        if (seen == null) {
          return job;
        }
        job = seen.value().job;
      }
      return job;
    }
  }

  /** A job as it was at one look, and its news for all readers who know the same of it. */
  private final class JobNews {

    private final Job job;
    private final Map<String, Outcome<News>> after = new HashMap<>();

    JobNews(Job job) {
      this.job = job;
    }

    synchronized News after(@Nullable String last) {
      return after
          .computeIfAbsent(String.valueOf(last), _ -> Outcome.of(() -> read(job.id(), last)))
          .get();
    }
  }

  /** An event as it is sent. */
  private record Event(String id, String name, String json) {}

  /**
   * Events as they are sent.
   *
   * @param more whether others follow that are stored already
   */
  private record News(List<Event> events, boolean more) {}

  private News read(UUID id, @Nullable String last) {
    var page = jobs.events(id, last, PAGE);
    return new News(page.data().stream().map(this::event).toList(), page.nextCursor() != null);
  }

  private Event event(Timeline.Entry entry) {
    return new Event(entry.id(), entry.event(), mapper.writeValueAsString(entry.data()));
  }

  private News catchUp(UUID id, @Nullable String last) {
    catchingUp.acquireUninterruptibly();
    try {
      return read(id, last);
    } finally {
      catchingUp.release();
    }
  }

  /**
   * Writes a job's news after the event with id {@code last} as server-sent events, until the job
   * is over: then comes an {@code end} event with the job, without an id, so that whoever
   * reconnects is told again.
   */
  void stream(
      UUID id, @Nullable String last, HttpServletRequest request, HttpServletResponse response) {
    try (var _ = seats.take(request, response);
        var feed = follow(id)) {
      // The state before the news: a job seen as over has no news to come.
      var seen = feed.now();
      write(feed, seen, last, catchUp(id, last), response);
    }
  }

  private void write(
      QueryBroadcaster.Feed<JobNews> feed,
      Seen<JobNews> first,
      @Nullable String after,
      News firstNews,
      HttpServletResponse response) {
    String last = after;
    var seen = first;
    var news = firstNews;
    try {
      var stream = new EventStream(response);
      while (seen != null) {
        for (var event : news.events) {
          stream.send(event.name, event.json, event.id);
          last = event.id;
        }
        stream.keepAlive();
        var job = seen.value().job;
        if (news.more) {
          news = catchUp(job.id(), last);
        } else if (job.status().isFinal()) {
          stream.send(
              "end",
              mapper.writeValueAsString(JobController.Resource.of(jobs.get(job.id()))),
              null);
          return;
        } else {
          seen = feed.next(seen);
          // Nothing happens to a job without a new version of it.
          news =
              seen == null || seen.value().job.version() == job.version()
                  ? new News(List.of(), false)
                  : seen.value().after(last);
        }
      }
    } catch (IOException | ProblemException e) {
      // The reader has gone, or the job was deleted: there is no one, or nothing, to tell.
    } catch (DataAccessException | TransactionException e) {
      // What is begun cannot become a problem any more: the reader comes back with its
      // Last-Event-ID.
      LOG.warn(
          "Closing a stream of events because the database does not respond: {}", e.toString());
    }
  }
}
