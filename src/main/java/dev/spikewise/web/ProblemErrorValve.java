package dev.spikewise.web;

import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.stereotype.Component;

/**
 * Answers as problems the requests that Tomcat refuses by itself, such as those with an impossible
 * URI.
 */
final class ProblemErrorValve extends ErrorReportValve {

  private final ProblemWriter answers;

  private ProblemErrorValve(ProblemWriter answers) {
    this.answers = answers;
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
    try (var _ = response.getOutputStream()) {
      answers.write(problem, request, response);
    } catch (IOException e) {
      container.getLogger().debug("The client did not wait for its problem", e);
    }
  }

  @Component
  static class Customizer implements WebServerFactoryCustomizer<TomcatServletWebServerFactory> {

    private final ProblemWriter answers;

    Customizer(ProblemWriter answers) {
      this.answers = answers;
    }

    @Override
    public void customize(TomcatServletWebServerFactory factory) {
      factory.addContextCustomizers(
          context -> context.getParent().getPipeline().addValve(new ProblemErrorValve(answers)));
    }
  }
}
