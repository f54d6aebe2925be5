package dev.spikewise.fuzz;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Pattern;

/** Sends bytes that no client library would, each request on a connection of its own. */
record RawHttp(int port) {

  private static final Pattern STATUS = Pattern.compile("HTTP/1\\.1 (\\d{3})");
  private static final int PATIENCE_MS = 60_000;
  private static final int KEPT = 1 << 16;

  /**
   * @param status 0 where the server closed the connection without an answer
   * @param head status line and headers
   * @param body its beginning
   */
  record Answer(int status, String head, String body, long nanos) {

    /** The answer to a HEAD says so without a body. */
    boolean isProblem() {
      return head.toLowerCase(Locale.ROOT).contains("content-type: application/problem+json")
          && (body.isEmpty() || body.contains("\"code\":"));
    }
  }

  Answer send(byte[] request) throws IOException {
    long begin = System.nanoTime();
    try (var socket = new Socket()) {
      socket.connect(new InetSocketAddress("127.0.0.1", port), PATIENCE_MS);
      socket.setSoTimeout(PATIENCE_MS);
      try {
        socket.getOutputStream().write(request);
      } catch (SocketException _) {
        // It answers before it has read all; what it said is still there to be read.
      }
      var text = read(socket.getInputStream());
      var matcher = STATUS.matcher(text);
      int end = text.indexOf("\r\n\r\n");
      return new Answer(
          matcher.lookingAt() ? Integer.parseInt(matcher.group(1)) : 0,
          end < 0 ? text : text.substring(0, end),
          end < 0 ? "" : text.substring(end + 4),
          System.nanoTime() - begin);
    }
  }

  private static String read(InputStream in) throws IOException {
    var kept = new ByteArrayOutputStream();
    var buffer = new byte[1 << 14];
    try {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        kept.write(buffer, 0, Math.min(n, Math.max(0, KEPT - kept.size())));
        // A stream of events has no end until its job has one, and a request line without a version
        // (HTTP/0.9) is answered without a head that would say that it is one.
        var head =
            new String(kept.toByteArray(), StandardCharsets.ISO_8859_1).split("\r\n\r\n", 2)[0];
        if (head.contains("Content-Type: text/event-stream") || !head.startsWith("HTTP/")) {
          break;
        }
      }
    } catch (SocketException _) {
      // Reset after the answer: more of the request was on its way.
    }
    return kept.toString(StandardCharsets.UTF_8);
  }
}
