package dev.spikewise.model;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Work that a request may ask for while it waits for its answer.
 *
 * @param maxValues Largest number of values in any layer of an analysis, over all samples and time
 *     steps.
 */
@ConfigurationProperties("spikewise.analyses")
record AnalysisSettings(@DefaultValue("67108864") int maxValues) {}
