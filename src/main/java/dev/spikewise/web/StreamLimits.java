package dev.spikewise.web;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.HashMap;
import java.util.Map;
import org.springframework.http.HttpHeaders;
import org.springframework.stereotype.Component;

/**
 * Bounds the streams that are open at a time: in all, and of one client, so that none can take them
 * from the others.
 */
@Component
public class StreamLimits {

  private static final String RETRY_AFTER_SECONDS = "30";

  private final HttpSettings settings;
  private final Clients clients;
  private final Map<String, Integer> taken = new HashMap<>();
  private int all;

  public StreamLimits(HttpSettings settings, Clients clients) {
    this.settings = settings;
    this.clients = clients;
  }

  /** A place among the open streams, until it is closed. */
  public interface StreamPermit extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * A seat for whoever sent {@code request}.
   *
   * @throws ProblemException where there is none; {@code response} then says when to come back
   */
  public StreamPermit take(HttpServletRequest request, HttpServletResponse response) {
    var client = clients.of(request);
    synchronized (this) {
      int own = taken.getOrDefault(client, 0);
      if (own >= settings.maxStreamsPerClient()) {
        throw refusal(
            response,
            Code.QUOTA_EXCEEDED,
            "%d streams of this client are open, the most that spikewise.http.max-streams-per-client allows: close one, or poll"
                .formatted(own));
      }
      if (all >= settings.maxStreams()) {
        throw refusal(
            response,
            Code.UNAVAILABLE,
            "%d streams are open, the most that spikewise.http.max-streams allows: poll instead"
                .formatted(all));
      }
      all++;
      taken.put(client, own + 1);
    }
    return () -> leave(client);
  }

  private static ProblemException refusal(HttpServletResponse response, Code code, String detail) {
    response.setHeader(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS);
    return new ProblemException(code, detail);
  }

  private synchronized void leave(String client) {
    all--;
    taken.computeIfPresent(client, (_, own) -> own == 1 ? null : own - 1);
  }
}
