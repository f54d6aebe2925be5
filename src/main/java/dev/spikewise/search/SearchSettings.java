package dev.spikewise.search;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Settings of searches.
 *
 * @param poll Interval at which this process looks for rungs and generations of a search that are
 *     complete.
 */
@ConfigurationProperties("spikewise.searches")
record SearchSettings(@DefaultValue("500ms") Duration poll) {}
