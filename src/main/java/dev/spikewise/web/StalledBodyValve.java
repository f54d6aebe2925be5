package dev.spikewise.web;

import jakarta.servlet.ServletException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.apache.coyote.InputBuffer;
import org.apache.tomcat.util.net.ApplicationBufferHandler;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.stereotype.Component;

/**
 * Stops reading a body after its first read timeout. The multipart parser would read on to close
 * its part, and Tomcat to find the next request, and each would wait for the timeout again.
 */
final class StalledBodyValve extends ValveBase {

  StalledBodyValve() {
    super(true);
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    var coyote = request.getCoyoteRequest();
    var buffer = coyote.getInputBuffer();
    coyote.setInputBuffer(new OneTimeout(coyote, buffer));
    try {
      getNext().invoke(request, response);
    } finally {
      coyote.setInputBuffer(buffer);
    }
  }

  private static final class OneTimeout implements InputBuffer {

    private final org.apache.coyote.Request request;
    private final InputBuffer buffer;
    private @Nullable SocketTimeoutException timeout;

    OneTimeout(org.apache.coyote.Request request, InputBuffer buffer) {
      this.request = request;
      this.buffer = buffer;
    }

    @Override
    public int doRead(ApplicationBufferHandler handler) throws IOException {
      if (timeout != null) {
        throw timeout;
      }
      try {
        return buffer.doRead(handler);
      } catch (SocketTimeoutException e) {
        timeout = e;
        request.action(ActionCode.DISABLE_SWALLOW_INPUT, null);
        throw e;
      }
    }

    @Override
    public int available() {
      return buffer.available();
    }
  }

  @Component
  static class Customizer implements WebServerFactoryCustomizer<TomcatServletWebServerFactory> {

    @Override
    public void customize(TomcatServletWebServerFactory factory) {
      factory.addEngineValves(new StalledBodyValve());
    }
  }
}
