package dev.spikewise.telemetry;

import java.time.Duration;
import java.util.Map;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Metrics per job, and the energy attributed to a synaptic operation.
 *
 * @param cardinality Bound on the number of time series: {@code fleet} exposes none per job, {@code
 *     job} some per active job, {@code layer} some per layer of each active job.
 * @param scrapeInterval Scrape interval of Prometheus; a job's series remain for two more intervals
 *     after its end.
 * @param energyPerSynop Energy of one synaptic operation in joules, by chip name.
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
