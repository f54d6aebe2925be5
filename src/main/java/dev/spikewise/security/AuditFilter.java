package dev.spikewise.security;

import dev.spikewise.tenant.Tenants;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Objects;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Tells the log of every change and every refusal: who, what, to which resource, with what outcome.
 * Never what a request carries, so that no key or token gets there. In structured logs each of them
 * is a field; switched off by {@code logging.level.dev.spikewise.audit=off}.
 */
final class AuditFilter extends OncePerRequestFilter {

  private static final Logger LOG = LoggerFactory.getLogger("dev.spikewise.audit");
  private static final Set<String> LOOKS = Set.of("GET", "HEAD", "OPTIONS");
  private static final Set<Integer> REFUSALS = Set.of(401, 403, 429);

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    // 500 where nobody answers because an exception is on its way.
    int status = 500;
    try {
      chain.doFilter(request, response);
      status = response.getStatus();
    } finally {
      if (!LOOKS.contains(request.getMethod()) || REFUSALS.contains(status)) {
        tell(request, response, status);
      }
    }
  }

  private static void tell(HttpServletRequest request, HttpServletResponse response, int status) {
    var caller = SecurityContextHolder.getContext().getAuthentication();
    var who =
        caller == null || caller instanceof AnonymousAuthenticationToken
            ? "anonymous"
            : caller.getName();
    var tenant = Tenants.of(caller).orElse("");
    // What was created has its own path.
    var resource =
        Objects.requireNonNullElse(response.getHeader("Location"), request.getRequestURI());
    LOG.atInfo()
        .addKeyValue("audit.who", who)
        .addKeyValue("audit.tenant", tenant)
        .addKeyValue("audit.from", request.getRemoteAddr())
        .addKeyValue("audit.action", request.getMethod())
        .addKeyValue("audit.resource", resource)
        .addKeyValue("audit.status", status)
        .log(
            "{} {} by {}{} from {}: {}",
            request.getMethod(),
            resource,
            who,
            tenant.isEmpty() ? "" : " of " + tenant,
            request.getRemoteAddr(),
            status);
  }
}
