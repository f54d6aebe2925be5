package dev.spikewise.api;

import java.io.ByteArrayOutputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Uploads as browsers and curl send them. */
final class Multipart {

  private Multipart() {}

  /** Sends text as fields, and bytes as files. */
  static HttpResponse<String> upload(ServiceTest service, Map<String, Object> parts) {
    var body = new ByteArrayOutputStream();
    parts.forEach(
        (name, content) -> {
          boolean file = content instanceof byte[];
          body.writeBytes(
              bytes(
                  "--b\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n"
                      .formatted(name, file ? "; filename=\"" + name + "\"" : "")));
          body.writeBytes(file ? (byte[]) content : bytes(content.toString()));
          body.writeBytes(bytes("\r\n"));
        });
    body.writeBytes(bytes("--b--\r\n"));
    return service.send(
        "POST",
        "/api/v1/datasets",
        BodyPublishers.ofByteArray(body.toByteArray()),
        "Content-Type",
        "multipart/form-data; boundary=b");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
