package dev.spikewise.web;

import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.store.DatabaseSpace;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Refuses requests that may write while the embedded database has no room: they would wait within
 * the database until there is room again.
 */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE + 12)
final class FullDiskFilter extends OncePerRequestFilter {

  private static final Logger LOG = LoggerFactory.getLogger(FullDiskFilter.class);
  private static final Set<String> READS = Set.of("GET", "HEAD", "OPTIONS");
  private static final String RETRY_AFTER_SECONDS = "5";

  private final DatabaseSpace space;
  private final ProblemWriter problems;

  FullDiskFilter(DatabaseSpace space, ProblemWriter problems) {
    this.space = space;
    this.problems = problems;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    var shortage = READS.contains(request.getMethod()) ? null : space.shortage().orElse(null);
    if (shortage == null) {
      chain.doFilter(request, response);
      return;
    }
    LOG.error("The database does not respond or cannot write: {}", shortage);
    response.setHeader(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS);
    problems.write(
        Problem.of(Code.UNAVAILABLE, "the database has no space left: try again later"),
        request,
        response);
  }
}
