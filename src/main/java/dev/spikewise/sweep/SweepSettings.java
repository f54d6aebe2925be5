package dev.spikewise.sweep;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Settings of sweeps.
 *
 * @param poll Interval at which this process looks for rounds of a sweep that can start.
 */
@ConfigurationProperties("spikewise.sweeps")
record SweepSettings(@DefaultValue("500ms") Duration poll) {}
