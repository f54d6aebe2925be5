package dev.spikewise.web;

import dev.spikewise.compute.Compute;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Registers each request as a caller of {@link Compute}, after authentication and before its body
 * is read.
 */
@Component
@Order(0)
final class CallerFilter extends OncePerRequestFilter {

  private final Compute compute;
  private final Clients clients;

  CallerFilter(Compute compute, Clients clients) {
    this.compute = compute;
    this.clients = clients;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    try (var _ = compute.open(() -> clients.of(request), () -> ConnectionValve.isClosed(request))) {
      chain.doFilter(request, response);
    }
  }
}
