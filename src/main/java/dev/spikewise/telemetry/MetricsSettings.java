package dev.spikewise.telemetry;

import java.time.Duration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How much is told about single jobs.
 *
 * @param cardinality bounds the number of series: none for single jobs, some for each, or some for
 *     each of its layers
 * @param scrapeInterval of Prometheus; a job's series stay for two more once it is over
 */
@ConfigurationProperties("spikewise.metrics")
record MetricsSettings(
    @DefaultValue("layer") Cardinality cardinality, @DefaultValue("15s") Duration scrapeInterval) {

  enum Cardinality {
    FLEET,
    JOB,
    LAYER
  }
}
