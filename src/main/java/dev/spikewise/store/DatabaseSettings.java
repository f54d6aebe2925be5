package dev.spikewise.store;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Settings of database access.
 *
 * @param readTimeout Longest time a statement of a read may take; the request is answered with 503
 *     afterwards.
 * @param closedFor Time the embedded database has to be closed without opening again until liveness
 *     is DOWN, so that the process is restarted.
 * @param minFree Free space of the embedded database's disk below which requests that may write are
 *     answered with 503.
 */
@ConfigurationProperties("spikewise.database")
record DatabaseSettings(
    @DefaultValue("10s") Duration readTimeout,
    @DefaultValue("30s") Duration closedFor,
    @DefaultValue("16MB") DataSize minFree) {}
