package dev.spikewise.sweep;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How sweeps go on.
 *
 * @param poll how often this process looks for rounds that can start
 */
@ConfigurationProperties("spikewise.sweeps")
record SweepSettings(@DefaultValue("500ms") Duration poll) {}
