package dev.spikewise.webhook;

import java.time.Duration;
import java.util.List;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How webhooks are sent.
 *
 * @param allowPrivate lets them reach addresses of this machine and of private networks
 * @param timeout of one attempt
 * @param retries how long after each failed attempt the next follows; after the last one the
 *     delivery has failed
 * @param poll how often is looked for attempts that are due
 * @param kept how long deliveries that are over can be looked at
 */
@ConfigurationProperties("spikewise.webhooks")
record WebhookSettings(
    @DefaultValue("false") boolean allowPrivate,
    @DefaultValue("10s") Duration timeout,
    @DefaultValue({"5s", "1m", "5m", "30m", "2h", "5h", "10h"}) List<Duration> retries,
    @DefaultValue("1s") Duration poll,
    @DefaultValue("30d") Duration kept) {}
