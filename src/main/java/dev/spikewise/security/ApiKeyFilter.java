package dev.spikewise.security;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.security.web.authentication.preauth.PreAuthenticatedAuthenticationToken;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Authenticates a caller by the key in {@code X-API-Key} or, from a browser, by the password of
 * HTTP Basic.
 */
final class ApiKeyFilter extends OncePerRequestFilter {

  private final KnownKeys keys;

  ApiKeyFilter(KnownKeys keys) {
    this.keys = keys;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    Optional.ofNullable(presented(request))
        .flatMap(keys::find)
        .ifPresent(ApiKeyFilter::authenticate);
    chain.doFilter(request, response);
  }

  /**
   * Also filters asynchronous dispatches, so that an event stream keeps the identity of its caller.
   */
  @Override
  protected boolean shouldNotFilterAsyncDispatch() {
    return false;
  }

  private static @Nullable String presented(HttpServletRequest request) {
    var authorization = request.getHeader("Authorization");
    if (authorization == null || !authorization.regionMatches(true, 0, "Basic ", 0, 6)) {
      return request.getHeader("X-API-Key");
    }
    try {
      var pair =
          new String(
              Base64.getDecoder().decode(authorization.substring(6).strip()),
              StandardCharsets.UTF_8);
      return pair.substring(pair.indexOf(':') + 1);
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static void authenticate(KnownKeys.Known key) {
    var context = SecurityContextHolder.createEmptyContext();
    context.setAuthentication(
        new PreAuthenticatedAuthenticationToken(key.name(), "", key.authorities()));
    SecurityContextHolder.setContext(context);
  }
}
