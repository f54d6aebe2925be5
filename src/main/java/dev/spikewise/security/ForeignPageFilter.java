package dev.spikewise.security;

import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.web.CrossOrigin;
import dev.spikewise.web.ProblemWriter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Protects against pages of other sites that send requests through the browser of an authorised
 * user. Such pages may not change data; the browser states the origin of each request, so no CSRF
 * tokens are needed. A server without credentials also refuses host names other than localhost,
 * which prevents DNS rebinding.
 */
final class ForeignPageFilter extends OncePerRequestFilter {

  private static final Set<String> SAFE = Set.of("GET", "HEAD", "OPTIONS", "TRACE");
  private static final Set<String> LOOPBACK =
      Set.of("localhost", "127.0.0.1", "[::1]", "0:0:0:0:0:0:0:1", "::1");

  private final boolean loopbackNamesOnly;
  private final CrossOrigin crossOrigin;
  private final ProblemWriter problems;

  ForeignPageFilter(boolean loopbackNamesOnly, CrossOrigin crossOrigin, ProblemWriter problems) {
    this.loopbackNamesOnly = loopbackNamesOnly;
    this.crossOrigin = crossOrigin;
    this.problems = problems;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    var reason = reasonToRefuse(request);
    if (reason == null) {
      chain.doFilter(request, response);
    } else {
      problems.write(Problem.of(Code.FORBIDDEN, reason), request, response);
    }
  }

  private @Nullable String reasonToRefuse(HttpServletRequest request) {
    if (loopbackNamesOnly && !LOOPBACK.contains(request.getServerName())) {
      return "a server without credentials answers to localhost only; configure"
          + " spikewise.security.api-keys, or set spikewise.security.anonymous=true";
    }
    if (SAFE.contains(request.getMethod())
        || isOwnPage(request)
        || crossOrigin.allows(request.getHeader("Origin"))) {
      return null;
    }
    return "requests that change data are refused when they come from a page of another site: call"
        + " the API directly, or list the page's origin in spikewise.http.cors-origins";
  }

  private static boolean isOwnPage(HttpServletRequest request) {
    var site = request.getHeader("Sec-Fetch-Site");
    if (site != null) {
      return site.equals("same-origin") || site.equals("none");
    }
    var origin = request.getHeader("Origin");
    if (origin == null) {
      return true;
    }
    try {
      return URI.create(origin).getRawAuthority() instanceof String authority
          && authority.equalsIgnoreCase(request.getHeader("Host"));
    } catch (IllegalArgumentException e) {
      return false;
    }
  }
}
