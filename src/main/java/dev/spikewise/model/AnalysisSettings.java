package dev.spikewise.model;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How much a request that waits for its answer may compute.
 *
 * @param maxValues most values of any layer, over all samples and time steps
 */
@ConfigurationProperties("spikewise.analyses")
record AnalysisSettings(@DefaultValue("67108864") int maxValues) {}
