package dev.spikewise.client;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/**
 * A form as multipart/form-data (RFC 7578). The generated code calls a class of this name of Apache
 * HttpClient 4, which would be the client's only reason for that dependency, and passes files that
 * are absent.
 */
public final class MultipartEntityBuilder {

  private final Map<String, Object> fields = new LinkedHashMap<>();

  private MultipartEntityBuilder() {}

  public static MultipartEntityBuilder create() {
    return new MultipartEntityBuilder();
  }

  public MultipartEntityBuilder addTextBody(String name, String text) {
    fields.put(name, text);
    return this;
  }

  /** Adds a file; does nothing when {@code file} is null. */
  public MultipartEntityBuilder addBinaryBody(String name, File file) {
    if (file != null) {
      fields.put(name, file);
    }
    return this;
  }

  public HttpEntity build() {
    return new HttpEntity(fields, "spikewise-" + UUID.randomUUID());
  }

  /** The finished form. */
  public record HttpEntity(Map<String, Object> fields, String boundary) {

    /** Value of the Content-Type header. */
    public record ContentType(String getValue) {}

    public ContentType getContentType() {
      return new ContentType("multipart/form-data; boundary=" + boundary);
    }

    public void writeTo(OutputStream out) throws IOException {
      for (var field : fields.entrySet()) {
        var head = "--%s\r\nContent-Disposition: form-data; name=\"%s\"";
        write(out, head.formatted(boundary, field.getKey()));
        if (field.getValue() instanceof File file) {
          var name = file.getName().replaceAll("[\"\\p{Cntrl}]", "_");
          write(out, "; filename=\"%s\"\r\n\r\n".formatted(name));
          Files.copy(file.toPath(), out);
        } else {
          write(out, "\r\n\r\n" + field.getValue());
        }
        write(out, "\r\n");
      }
      write(out, "--" + boundary + "--\r\n");
    }

    private static void write(OutputStream out, String text) throws IOException {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
  }
}
