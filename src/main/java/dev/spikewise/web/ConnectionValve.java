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
 * Lets a request find out whether its client has closed the connection, which the servlet API
 * reports only when the request reads or writes.
 */
final class ConnectionValve extends ValveBase {

  private static final String CLOSED = ConnectionValve.class.getName();

  ConnectionValve() {
    super(true);
  }

  /** Call it on the thread that serves the request, after the body has been read. */
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
   * Tomcat checks for further bytes without blocking and returns 1 when the connection is closed or
   * broken. A client that pipelines sends a whole request, which has more bytes.
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
