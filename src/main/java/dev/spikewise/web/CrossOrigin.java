package dev.spikewise.web;

import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpHeaders;
import org.springframework.stereotype.Component;
import org.springframework.web.cors.CorsConfiguration;
import org.springframework.web.cors.CorsUtils;
import org.springframework.web.cors.DefaultCorsProcessor;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Allows pages of the origins in {@code spikewise.http.cors-origins} to call the API (CORS). Such a
 * page must send its own key or token; credentials stored in the browser are not sent.
 */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE + 12)
public final class CrossOrigin extends OncePerRequestFilter {

  private final List<String> origins;
  private final CorsConfiguration rules = new CorsConfiguration();
  private final ProblemWriter problems;
  private final DefaultCorsProcessor processor = new DefaultCorsProcessor();

  CrossOrigin(HttpSettings settings, ProblemWriter problems) {
    this.origins = settings.corsOrigins();
    this.problems = problems;
    rules.setAllowedOrigins(origins);
    rules.setAllowedMethods(List.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"));
    rules.setAllowedHeaders(
        List.of(
            HttpHeaders.ACCEPT,
            HttpHeaders.AUTHORIZATION,
            HttpHeaders.CONTENT_TYPE,
            HttpHeaders.IF_MATCH,
            HttpHeaders.IF_NONE_MATCH,
            "Idempotency-Key",
            "Last-Event-ID",
            "Prefer",
            "X-API-Key"));
    rules.setExposedHeaders(
        List.of(
            HttpHeaders.CONTENT_DISPOSITION,
            HttpHeaders.ETAG,
            HttpHeaders.LOCATION,
            HttpHeaders.RETRY_AFTER,
            "Idempotency-Replayed",
            "Preference-Applied"));
    rules.setMaxAge(Duration.ofHours(1));
  }

  /** Whether pages of {@code origin} may call the API. */
  public boolean allows(@Nullable String origin) {
    return origin != null && origins.contains(origin);
  }

  @Override
  protected boolean shouldNotFilter(HttpServletRequest request) {
    return origins.isEmpty()
        || !request.getRequestURI().startsWith(request.getContextPath() + ProblemWriter.API);
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    boolean preflight = CorsUtils.isPreFlightRequest(request);
    if (preflight && rules.checkOrigin(request.getHeader(HttpHeaders.ORIGIN)) == null) {
      problems.write(
          Problem.of(
              Code.FORBIDDEN,
              "pages of this origin may not call the API; spikewise.http.cors-origins lists those"
                  + " that may"),
          request,
          response);
      return;
    }
    if (!CorsUtils.isCorsRequest(request) || allows(request.getHeader(HttpHeaders.ORIGIN))) {
      processor.processRequest(rules, request, response);
    }
    if (!preflight) {
      chain.doFilter(request, response);
    }
  }
}
