package dev.spikewise.web;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.function.BooleanSupplier;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.stereotype.Component;

/**
 * Lets a request find out whether its client has closed the connection. The servlet API only tells
 * those that read or write.
 */
final class ConnectionValve extends ValveBase {

  private static final String CLOSED = ConnectionValve.class.getName();

  ConnectionValve() {
    super(true);
  }

  /** To be called by the thread that serves the request, once the body has been read. */
  static boolean isClosed(HttpServletRequest request) {
    return request.getAttribute(CLOSED) instanceof BooleanSupplier closed && closed.getAsBoolean();
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    BooleanSupplier closed = () -> isClosed(request.getCoyoteRequest());
    request.setAttribute(CLOSED, closed);
    getNext().invoke(request, response);
  }

  /**
   * Tomcat looks for more bytes without waiting for them, and says 1 where the connection is closed
   * or broken. What a client sends ahead of the answer is a whole request, of more bytes.
   */
  private static boolean isClosed(org.apache.coyote.Request request) {
    request.action(ActionCode.AVAILABLE, true);
    return request.getAvailable() == 1;
  }

  @Component
  static class Customizer implements WebServerFactoryCustomizer<TomcatServletWebServerFactory> {

    @Override
    public void customize(TomcatServletWebServerFactory factory) {
      factory.addEngineValves(new ConnectionValve());
    }
  }
}
