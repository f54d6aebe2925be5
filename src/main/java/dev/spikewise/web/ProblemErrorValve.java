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
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.type.AnnotatedTypeMetadata;
import org.springframework.stereotype.Component;

/**
 * Answers with a problem when Tomcat itself refuses a request, for example because of a malformed
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
    // Tomcat responds 501 to an unknown Transfer-Encoding.
    var code =
        status == HttpServletResponse.SC_NOT_IMPLEMENTED ? Code.INVALID_PARAMETER : Code.of(status);
    var problem = Problem.of(code, detail(code, request));
    try (var _ = response.getOutputStream()) {
      answers.write(problem, request, response);
    } catch (IOException e) {
      container.getLogger().debug("The client disconnected before the problem was sent", e);
    }
  }

  private static String detail(Code code, Request request) {
    return switch (code) {
      case INVALID_PARAMETER -> "the request is not valid HTTP";
      case NOT_FOUND -> "there is nothing at " + request.getRequestURI();
      case METHOD_NOT_ALLOWED -> request.getMethod() + " is not allowed here";
      case INTERNAL_ERROR -> "the service failed";
      default -> "the request cannot be answered";
    };
  }

  /**
   * The same for a separate management port, where Spring Boot would otherwise respond with its own
   * format. It is not annotated as a configuration, because the component scan would then apply it
   * to the main port too.
   */
  @Conditional(OnOwnPort.class)
  static class OperatorsPort {

    @Bean
    Customizer problems(ProblemWriter answers) {
      return new Customizer(answers) {
        @Override
        public void customize(TomcatServletWebServerFactory factory) {
          super.customize(factory);
          factory.getErrorPages().clear();
        }
      };
    }
  }

  /** Whether this is the child context of a separate management port. */
  static final class OnOwnPort implements Condition {
    @Override
    public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
      return context.getBeanFactory() != null
          && context.getBeanFactory().getParentBeanFactory() != null;
    }
  }

  @Component
  @Order(Ordered.LOWEST_PRECEDENCE)
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
