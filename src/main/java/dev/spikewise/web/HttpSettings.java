package dev.spikewise.web;

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
 * @param maxBodyTime that a sender may take for a body, uploads of data sets aside; what a pause
 *     within any request may take is {@code server.tomcat.connection-timeout}
 * @param maxStreams streams of events open at the same time
 * @param maxStreamsPerClient those of one tenant, user or address
 */
@ConfigurationProperties("spikewise.http")
record HttpSettings(
    @DefaultValue("256MB") DataSize maxBodySize,
    @DefaultValue("24h") Duration idempotencyTtl,
    @DefaultValue("2m") Duration maxBodyTime,
    @DefaultValue("1000") int maxStreams,
    @DefaultValue("250") int maxStreamsPerClient) {}
