package dev.spikewise.web;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;

/** Server-sent events on their way to one reader. */
public final class EventStream {

  /** Silence after which proxies and clients are shown that the stream is alive. */
  private static final Duration KEEP_ALIVE = Duration.ofSeconds(15);

  private final OutputStream out;
  private long wroteAt = System.nanoTime();

  public EventStream(HttpServletResponse response) throws IOException {
    response.setContentType(MediaType.TEXT_EVENT_STREAM_VALUE);
    response.setHeader(HttpHeaders.CACHE_CONTROL, "no-store");
    // nginx would hold the events back.
    response.setHeader("X-Accel-Buffering", "no");
    out = response.getOutputStream();
    response.flushBuffer();
  }

  /**
   * An event.
   *
   * @param data one line of JSON
   * @param id what the reader says when it comes back; null if it should say the one before
   */
  public void send(String event, String data, @Nullable String id) throws IOException {
    write((id == null ? "" : "id: " + id + "\n") + "event: " + event + "\ndata: " + data);
  }

  /** A comment, once nothing was sent for a while. */
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
