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
 * Limits the number of event streams that are open at the same time, in total and per client, so
 * that one client cannot use up all of them.
 */
@Component
public class StreamLimits {

  private static final String RETRY_AFTER_SECONDS = "30";

  private final HttpSettings settings;
  private final Clients clients;
  private final Map<String, Integer> openByClient = new HashMap<>();
  private int open;

  public StreamLimits(HttpSettings settings, Clients clients) {
    this.settings = settings;
    this.clients = clients;
  }

  /** Permit for one open stream. Closing it returns the permit. */
  public interface StreamPermit extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Acquires a permit for the client that sent {@code request}.
   *
   * @throws ProblemException when a limit is reached; {@code response} then has a Retry-After
   *     header
   */
  public StreamPermit acquire(HttpServletRequest request, HttpServletResponse response) {
    var client = clients.of(request);
    synchronized (this) {
      int own = openByClient.getOrDefault(client, 0);
      if (own >= settings.maxStreamsPerClient()) {
        throw refusal(
            response,
            Code.QUOTA_EXCEEDED,
            "%d streams of this client are open, the most that spikewise.http.max-streams-per-client allows: close one, or poll"
                .formatted(own));
      }
      if (open >= settings.maxStreams()) {
        throw refusal(
            response,
            Code.UNAVAILABLE,
            "%d streams are open, the most that spikewise.http.max-streams allows: poll instead"
                .formatted(open));
      }
      open++;
      openByClient.put(client, own + 1);
    }
    return () -> release(client);
  }

  private static ProblemException refusal(HttpServletResponse response, Code code, String detail) {
    response.setHeader(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS);
    return new ProblemException(code, detail);
  }

  private synchronized void release(String client) {
    open--;
    openByClient.computeIfPresent(client, (_, own) -> own == 1 ? null : own - 1);
  }
}
