package dev.spikewise.web;

import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.io.ByteArrayInputStream;

/** A request whose body has been read and is replayed from memory. */
final class Body extends HttpServletRequestWrapper {

  private final byte[] content;

  Body(HttpServletRequest request, byte[] content) {
    super(request);
    this.content = content;
  }

  /** Whether the body is multipart, which Tomcat stores by itself. */
  static boolean isMultipart(HttpServletRequest request) {
    return request.getContentType() != null && request.getContentType().startsWith("multipart/");
  }

  @Override
  public ServletInputStream getInputStream() {
    var in = new ByteArrayInputStream(content);
    return new ServletInputStream() {

      @Override
      public int read() {
        return in.read();
      }

      @Override
      public int read(byte[] into, int offset, int length) {
        return in.read(into, offset, length);
      }

      @Override
      public boolean isFinished() {
        return in.available() == 0;
      }

      @Override
      public boolean isReady() {
        return true;
      }

      @Override
      public void setReadListener(ReadListener listener) {
        throw new IllegalStateException(
            "the whole body has already been read, so it cannot be read asynchronously");
      }
    };
  }
}
