package dev.spikewise.security;

import dev.spikewise.tenant.Audit;
import dev.spikewise.tenant.Tenants;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Objects;
import java.util.Set;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Logs every change and every refused request with caller, method, resource and outcome. Bodies and
 * headers are never logged, so that no key or token gets into the log.
 */
final class AuditFilter extends OncePerRequestFilter {

  private static final Set<String> READS = Set.of("GET", "HEAD", "OPTIONS");
  private static final Set<Integer> REFUSALS = Set.of(401, 403, 429);

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    // Status 500 when no response is written because an exception propagates.
    int status = 500;
    try {
      chain.doFilter(request, response);
      status = response.getStatus();
    } finally {
      if (!READS.contains(request.getMethod()) || REFUSALS.contains(status)) {
        log(request, response, status);
      }
    }
  }

  private static void log(HttpServletRequest request, HttpServletResponse response, int status) {
    var caller = SecurityContextHolder.getContext().getAuthentication();
    var who =
        caller == null || caller instanceof AnonymousAuthenticationToken
            ? "anonymous"
            : caller.getName();
    var tenant = Tenants.of(caller).orElse("");
    // A created resource is logged with its own path.
    var resource =
        Objects.requireNonNullElse(response.getHeader("Location"), request.getRequestURI());
    new Audit(who, tenant, request.getRemoteAddr(), request.getMethod(), resource, status).log();
  }
}
