package dev.spikewise.web;

import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/** Refuses compressed bodies, which would otherwise be reported as malformed JSON. */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE + 11)
final class ContentEncodingFilter extends OncePerRequestFilter {

  private static final String IDENTITY = "identity";

  private final ProblemWriter problems;

  ContentEncodingFilter(ProblemWriter problems) {
    this.problems = problems;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    var encoding = request.getHeader(HttpHeaders.CONTENT_ENCODING);
    if (encoding == null || encoding.isBlank() || encoding.strip().equalsIgnoreCase(IDENTITY)) {
      chain.doFilter(request, response);
      return;
    }
    response.setHeader(HttpHeaders.ACCEPT_ENCODING, IDENTITY);
    problems.write(
        Problem.of(
            Code.UNSUPPORTED_MEDIA_TYPE,
            "Content-Encoding must be identity or absent but was %s: send the body uncompressed"
                .formatted(encoding.length() <= 60 ? encoding : encoding.substring(0, 60))),
        request,
        response);
  }
}
