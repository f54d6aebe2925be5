package dev.spikewise.webhook;

import java.time.Duration;
import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How webhooks are delivered.
 *
 * @param allowPrivate Whether webhooks may address this machine and private networks.
 * @param timeout Longest time one delivery attempt may take.
 * @param retries Pauses between one failed attempt and the next; after the last one the delivery
 *     has failed.
 * @param poll Interval at which due attempts are looked up.
 * @param kept Time that finished deliveries can be listed.
 */
@ConfigurationProperties("spikewise.webhooks")
record WebhookSettings(
    @DefaultValue("false") boolean allowPrivate,
    @DefaultValue("10s") Duration timeout,
    @DefaultValue({"5s", "1m", "5m", "30m", "2h", "5h", "10h"}) List<Duration> retries,
    @DefaultValue("1s") Duration poll,
    @DefaultValue("30d") Duration kept) {}
