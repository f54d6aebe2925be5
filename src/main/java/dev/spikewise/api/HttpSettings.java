package dev.spikewise.api;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * How requests are taken.
 *
 * @param maxBodySize of a request; uploads of data sets have {@code
 *     spring.servlet.multipart.max-request-size} instead
 * @param idempotencyTtl how long the answer to a request with an Idempotency-Key is kept
 */
@ConfigurationProperties("spikewise.http")
record HttpSettings(
    @DefaultValue("256MB") DataSize maxBodySize, @DefaultValue("24h") Duration idempotencyTtl) {}
