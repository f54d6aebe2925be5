package dev.spikewise.api;

import dev.spikewise.job.Job;
import dev.spikewise.job.JobSort;
import dev.spikewise.job.Jobs;
import dev.spikewise.web.EventStream;
import dev.spikewise.web.QueryBroadcaster;
import dev.spikewise.web.QueryBroadcaster.Seen;
import dev.spikewise.web.StreamLimits;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.dao.DataAccessException;
import org.springframework.stereotype.Component;
import org.springframework.transaction.TransactionException;
import tools.jackson.databind.json.JsonMapper;

/** Keeps its readers' copies of a list of jobs up to date. */
@Component
class JobListWatch {

  private static final Duration LOOK = Duration.ofSeconds(1);

  private static final Logger LOG = LoggerFactory.getLogger(JobListWatch.class);

  private final Jobs jobs;
  private final QueryBroadcaster feeds;
  private final StreamLimits seats;
  private final JsonMapper mapper;

  JobListWatch(Jobs jobs, QueryBroadcaster feeds, StreamLimits seats, JsonMapper mapper) {
    this.jobs = jobs;
    this.feeds = feeds;
    this.seats = seats;
    this.mapper = mapper;
  }

  /**
   * A page of the list of jobs, as {@link Jobs#list} has it.
   *
   * @param base what comes before the paths of links
   */
  record Listed(Jobs.Filter filter, JobSort sort, int size, @Nullable String cursor, String base) {}

  /** A list as it was at one look, with the jobs as they are sent. */
  private final class Listing {

    private final List<Job> jobs;
    private final Map<UUID, String> versions = new LinkedHashMap<>();
    private final Map<UUID, String> written = new HashMap<>();
    private final String state;

    Listing(List<Job> jobs) {
      this.jobs = jobs;
      jobs.forEach(job -> versions.put(job.id(), JobController.etag(job)));
      state =
          UUID.nameUUIDFromBytes(versions.toString().getBytes(StandardCharsets.UTF_8)).toString();
    }

    synchronized String json(Job job) {
      return written.computeIfAbsent(
          job.id(), _ -> mapper.writeValueAsString(JobController.Item.of(job)));
    }
  }

  /**
   * Keeps a reader's copy of a list up to date by server-sent events: a {@code job} for each that
   * is new or has changed, oldest first, then {@code list} with all ids, newest first, if they are
   * others. It starts with everything, unless that is as it was at the event with id {@code last}.
   */
  void stream(
      Listed listed,
      @Nullable String last,
      HttpServletRequest request,
      HttpServletResponse response) {
    try (var _ = seats.take(request, response);
        var feed =
            feeds.follow(
                listed,
                LOOK,
                () ->
                    new Listing(
                        jobs.list(listed.filter, listed.sort, listed.size, listed.cursor)
                            .data()))) {
      write(feed, feed.now(), last, response);
    }
  }

  private void write(
      QueryBroadcaster.Feed<Listing> feed,
      Seen<Listing> first,
      @Nullable String last,
      HttpServletResponse response) {
    var seen = first;
    try {
      var stream = new EventStream(response);
      var told = seen.value().state.equals(last) ? seen.value().versions : Map.<UUID, String>of();
      boolean others = told.isEmpty();
      while (seen != null) {
        var now = seen.value();
        tell(stream, now, told, others);
        stream.keepAlive();
        told = now.versions;
        others = false;
        seen = feed.next(seen);
      }
    } catch (IOException e) {
      // The reader has gone.
    } catch (DataAccessException | TransactionException e) {
      LOG.warn("Closing a stream of jobs because the database does not respond: {}", e.toString());
    }
  }

  /**
   * Only the last of these events has an id: whoever misses it is told everything again.
   *
   * @param anew whether the ids are told even if they are those that were told
   */
  private static void tell(EventStream stream, Listing now, Map<UUID, String> told, boolean anew)
      throws IOException {
    boolean others = anew || !List.copyOf(now.versions.keySet()).equals(List.copyOf(told.keySet()));
    var changed =
        now.jobs.reversed().stream()
            .filter(job -> !JobController.etag(job).equals(told.get(job.id())))
            .toList();
    for (var job : changed) {
      boolean ends = !others && job == changed.getLast();
      stream.send("job", now.json(job), ends ? now.state : null);
    }
    if (others) {
      var ids = now.versions.keySet().stream().map(id -> '"' + id.toString() + '"').toList();
      stream.send("list", "{\"ids\":[" + String.join(",", ids) + "]}", now.state);
    }
  }
}
