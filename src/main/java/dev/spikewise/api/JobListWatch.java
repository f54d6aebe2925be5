package dev.spikewise.api;

import dev.spikewise.job.Job;
import dev.spikewise.job.JobSort;
import dev.spikewise.job.Jobs;
import dev.spikewise.web.EventStream;
import dev.spikewise.web.QueryBroadcaster;
import dev.spikewise.web.QueryBroadcaster.Result;
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

/** Streams a list of jobs and every change to it as server-sent events. */
@Component
class JobListWatch {

  private static final Duration POLL_INTERVAL = Duration.ofSeconds(1);

  private static final Logger LOG = LoggerFactory.getLogger(JobListWatch.class);

  private final Jobs jobs;
  private final QueryBroadcaster broadcaster;
  private final StreamLimits streamLimits;
  private final JsonMapper mapper;

  JobListWatch(
      Jobs jobs, QueryBroadcaster broadcaster, StreamLimits streamLimits, JsonMapper mapper) {
    this.jobs = jobs;
    this.broadcaster = broadcaster;
    this.streamLimits = streamLimits;
    this.mapper = mapper;
  }

  /**
   * A page of the list of jobs, with the parameters of {@link Jobs#list}.
   *
   * @param base prefix of the paths in links
   */
  record PageKey(
      Jobs.Filter filter, JobSort sort, int size, @Nullable String cursor, String base) {}

  /** The jobs of a page at one point in time, with their cached JSON. */
  private final class Listing {

    private final List<Job> jobs;
    private final Map<UUID, String> versions = new LinkedHashMap<>();
    private final Map<UUID, String> jsonById = new HashMap<>();

    /** Hash of all ids and versions: the id of the events that bring a client to this state. */
    private final String state;

    Listing(List<Job> jobs) {
      this.jobs = jobs;
      jobs.forEach(job -> versions.put(job.id(), JobController.etag(job)));
      state =
          UUID.nameUUIDFromBytes(versions.toString().getBytes(StandardCharsets.UTF_8)).toString();
    }

    synchronized String json(Job job) {
      return jsonById.computeIfAbsent(
          job.id(), _ -> mapper.writeValueAsString(JobController.Item.of(job)));
    }
  }

  /**
   * Streams a list until the client disconnects: a {@code job} event for each new or changed job,
   * oldest first, then a {@code list} event with all ids, newest first, when the ids or their order
   * have changed. The stream starts with the complete list, unless the list has not changed since
   * the event with id {@code lastEventId}.
   */
  void stream(
      PageKey page,
      @Nullable String lastEventId,
      HttpServletRequest request,
      HttpServletResponse response) {
    try (var _ = streamLimits.acquire(request, response);
        var subscription =
            broadcaster.subscribe(
                page,
                POLL_INTERVAL,
                () ->
                    new Listing(
                        jobs.list(page.filter, page.sort, page.size, page.cursor).data()))) {
      write(subscription, subscription.now(), lastEventId, response);
    }
  }

  private void write(
      QueryBroadcaster.Subscription<Listing> subscription,
      Result<Listing> first,
      @Nullable String lastEventId,
      HttpServletResponse response) {
    var result = first;
    try {
      var stream = new EventStream(response);
      var sent =
          result.value().state.equals(lastEventId)
              ? result.value().versions
              : Map.<UUID, String>of();
      boolean sendIds = sent.isEmpty();
      while (result != null) {
        var listing = result.value();
        sendChanges(stream, listing, sent, sendIds);
        stream.keepAlive();
        sent = listing.versions;
        sendIds = false;
        result = subscription.next(result);
      }
    } catch (IOException e) {
      // The client has disconnected.
    } catch (DataAccessException | TransactionException e) {
      LOG.warn("Closing a stream of jobs because the database does not respond: {}", e.toString());
    }
  }

  /**
   * Sends the differences between {@code sent} and {@code listing}. Only the last event has an id:
   * a client that missed any of them receives the complete list when it reconnects.
   *
   * @param sent versions of the jobs that the client has, by id
   * @param forceIds whether to send the ids even when they have not changed
   */
  private static void sendChanges(
      EventStream stream, Listing listing, Map<UUID, String> sent, boolean forceIds)
      throws IOException {
    boolean sendIds =
        forceIds || !List.copyOf(listing.versions.keySet()).equals(List.copyOf(sent.keySet()));
    var changed =
        listing.jobs.reversed().stream()
            .filter(job -> !JobController.etag(job).equals(sent.get(job.id())))
            .toList();
    for (var job : changed) {
      boolean last = !sendIds && job == changed.getLast();
      stream.send("job", listing.json(job), last ? listing.state : null);
    }
    if (sendIds) {
      var ids = listing.versions.keySet().stream().map(id -> '"' + id.toString() + '"').toList();
      stream.send("list", "{\"ids\":[" + String.join(",", ids) + "]}", listing.state);
    }
  }
}
