package dev.spikewise.api;

import dev.spikewise.spec.Problem;
import dev.spikewise.spec.Problem.Code;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.http.MediaType;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;

/**
 * Answers as problems the requests that Tomcat refuses by itself, such as those with an impossible
 * URI.
 */
final class ProblemValve extends ErrorReportValve {

  private final JsonMapper json;

  private ProblemValve(JsonMapper json) {
    this.json = json;
  }

  @Override
  protected void report(Request request, Response response, @Nullable Throwable throwable) {
    int status = response.getStatus();
    if (status < 400 || response.getContentWritten() > 0 || !response.setErrorReported()) {
      return;
    }
    // 501 is Tomcat's answer to a Transfer-Encoding that nobody knows.
    var problem =
        status < 500 || status == HttpServletResponse.SC_NOT_IMPLEMENTED
            ? Problem.of(Code.INVALID_PARAMETER, "this is no valid HTTP request")
            : Problem.of(Code.INTERNAL_ERROR, "the service failed");
    response.setStatus(problem.status());
    response.setContentType(MediaType.APPLICATION_PROBLEM_JSON_VALUE);
    try (var out = response.getOutputStream()) {
      out.write(json.writeValueAsBytes(problem));
    } catch (IOException e) {
      container.getLogger().debug("The client did not wait for its problem", e);
    }
  }

  @Component
  static class Customizer implements WebServerFactoryCustomizer<TomcatServletWebServerFactory> {

    private final JsonMapper json;

    Customizer(JsonMapper json) {
      this.json = json;
    }

    @Override
    public void customize(TomcatServletWebServerFactory factory) {
      factory.addContextCustomizers(
          context -> context.getParent().getPipeline().addValve(new ProblemValve(json)));
    }
  }
}
