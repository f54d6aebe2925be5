package dev.spikewise.web;

import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * Builds paths as the client sees them: with {@code server.servlet.context-path} and, when {@code
 * server.forward-headers-strategy} trusts it, the prefix that a reverse proxy sends in {@code
 * X-Forwarded-Prefix}.
 */
public final class Links {

  private Links() {}

  /**
   * @param path path relative to the root of this service
   */
  public static String to(String path) {
    return base() + path;
  }

  /** Prefix of this service's paths in the current request; may be empty. */
  public static String base() {
    return RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes request
        ? request.getRequest().getContextPath()
        : "";
  }
}
