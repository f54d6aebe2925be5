package dev.spikewise.model;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Limit on the size of an analysis, which is computed while the request waits.
 *
 * @param maxValues Largest number of values in any layer of an analysis, over all samples and time
 *     steps.
 */
@ConfigurationProperties("spikewise.analyses")
record AnalysisSettings(@DefaultValue("67108864") int maxValues) {}
