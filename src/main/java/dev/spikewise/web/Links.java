package dev.spikewise.web;

import org.springframework.web.context.request.RequestContextHolder;
import org.springframework.web.context.request.ServletRequestAttributes;

/**
 * Paths as the client sees them: below {@code server.servlet.context-path} and below the prefix
 * that a reverse proxy names in {@code X-Forwarded-Prefix}, where {@code
 * server.forward-headers-strategy} trusts it.
 */
public final class Links {

  private Links() {}

  /**
   * @param path of this service, from its root
   */
  public static String to(String path) {
    return base() + path;
  }

  /** What comes before the paths of this service in the current request; empty for nothing. */
  public static String base() {
    return RequestContextHolder.getRequestAttributes() instanceof ServletRequestAttributes request
        ? request.getRequest().getContextPath()
        : "";
  }
}
