package dev.spikewise.web;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;

/** Writes server-sent events to one client. */
public final class EventStream {

  /**
   * Time without events after which a comment keeps proxies and clients from closing the
   * connection.
   */
  private static final Duration KEEP_ALIVE = Duration.ofSeconds(15);

  private final OutputStream out;
  private long wroteAt = System.nanoTime();

  public EventStream(HttpServletResponse response) throws IOException {
    response.setContentType(MediaType.TEXT_EVENT_STREAM_VALUE);
    response.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
    // Without this header nginx buffers the events.
    response.setHeader("X-Accel-Buffering", "no");
    out = response.getOutputStream();
    response.flushBuffer();
  }

  /**
   * * Sends an event.
   *
   * @param data one line of JSON
   * @param id id that the client sends as Last-Event-ID when it reconnects; null to keep the
   *     preceding id
   */
  public void send(String event, String data, @Nullable String id) throws IOException {
    write((id == null ? "" : "id: " + id + "\n") + "event: " + event + "\ndata: " + data);
  }

  /** Sends a comment when no event has been sent for a while. */
  public void keepAlive() throws IOException {
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
