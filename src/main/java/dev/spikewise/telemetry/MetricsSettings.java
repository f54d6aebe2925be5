package dev.spikewise.telemetry;

import java.time.Duration;
import java.util.Map;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How much is told about single jobs, and what a synaptic operation is taken to cost.
 *
 * @param cardinality bounds the number of series: none for single jobs, some for each, or some for
 *     each of its layers
 * @param scrapeInterval of Prometheus; a job's series stay for two more once it is over
 * @param energyPerSynop in joules, by the name of a chip
 */
@ConfigurationProperties("spikewise.metrics")
record MetricsSettings(
    @DefaultValue("layer") Cardinality cardinality,
    @DefaultValue("15s") Duration scrapeInterval,
    @DefaultValue Map<String, Double> energyPerSynop) {

  enum Cardinality {
    FLEET,
    JOB,
    LAYER
  }
}
