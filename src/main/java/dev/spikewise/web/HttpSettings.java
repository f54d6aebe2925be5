package dev.spikewise.web;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Settings of the HTTP interface.
 *
 * @param maxBodySize Maximum size of a request body; uploads of data sets are limited by {@code
 *     spring.servlet.multipart.max-request-size} instead.
 * @param idempotencyTtl Time the response to a request with an {@code Idempotency-Key} is kept.
 * @param maxBodyTime Longest time a client may take to send a body, except uploads of data sets.
 *     The longest pause within a request is {@code server.tomcat.connection-timeout}.
 * @param maxStreams Maximum number of event streams open at the same time.
 * @param maxStreamsPerClient Maximum number of event streams open per tenant, user or address.
 * @param corsOrigins Origins whose pages may call the API from a browser, such as {@code
 *     https://lab.example.org}; none when empty.
 */
@ConfigurationProperties("spikewise.http")
record HttpSettings(
    @DefaultValue("256MB") DataSize maxBodySize,
    @DefaultValue("24h") Duration idempotencyTtl,
    @DefaultValue("2m") Duration maxBodyTime,
    @DefaultValue("1000") int maxStreams,
    @DefaultValue("250") int maxStreamsPerClient,
    @DefaultValue List<String> corsOrigins) {

  private static final Pattern ORIGIN = Pattern.compile("https?://[^/?#@\\s*]+");

  HttpSettings {
    for (var origin : corsOrigins) {
      if (!ORIGIN.matcher(origin).matches()) {
        throw new IllegalArgumentException(
            "spikewise.http.cors-origins must list origins such as https://lab.example.org, without"
                + " path or wildcard, but has "
                + origin);
      }
    }
  }
}
