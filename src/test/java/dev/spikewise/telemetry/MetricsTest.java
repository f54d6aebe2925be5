package dev.spikewise.telemetry;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import dev.spikewise.WrittenPage;
import dev.spikewise.job.Job;
import dev.spikewise.job.JobAction;
import dev.spikewise.job.JobEvent;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import dev.spikewise.job.Workers;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.telemetry.MetricsSettings.Cardinality;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.micrometer.metrics.autoconfigure.MeterRegistryCustomizer;
import org.springframework.boot.micrometer.metrics.test.autoconfigure.AutoConfigureMetrics;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.test.context.TestPropertySource;
import tools.jackson.databind.json.JsonMapper;

@AutoConfigureMetrics
@SpringBootTest
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:metrics;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/test-data",
      "spikewise.metrics.scrape-interval=200ms"
    })
class MetricsTest {

  private static final String DIGITS =
      """
      {"name": "digits", "model": {"input_shape": [1, 8, 8], "layers": [
         {"type": "Flatten"}, {"type": "Linear", "out_features": 16}, {"type": "IAF"},
         {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
       "input": {"type": "dataset", "id": "digits", "limit": 50},
       "batch_size": 10, "time_steps": 4, "epochs": %d, "seed": 1,
       "loss": [{"type": "cross_entropy"}, {"type": "synops", "target": {"baseline_multiple": 1.5}}]}\
      """;

  @Autowired Jobs jobs;
  @Autowired Workers workers;
  @Autowired PrometheusMeterRegistry registry;
  @Autowired JsonMapper json;

  /** Otherwise two meters of one name and different labels are only logged. */
  @TestConfiguration(proxyBeanMethods = false)
  static class Clashes {
    @Bean
    MeterRegistryCustomizer<PrometheusMeterRegistry> thrown() {
      return PrometheusMeterRegistry::throwExceptionOnRegistrationFailure;
    }
  }

  private Job train(int epochs, Predicate<Job> until) throws InterruptedException {
    var spec = json.readValue(DIGITS.formatted(epochs), TrainingSpec.class);
    return await(jobs.submit(spec).id(), until);
  }

  private Job await(UUID id, Predicate<Job> until) throws InterruptedException {
    var deadline = Instant.now().plusSeconds(60);
    while (!until.test(jobs.get(id))) {
      assertThat(Instant.now()).as("%s", jobs.get(id)).isBefore(deadline);
      Thread.sleep(20);
    }
    return jobs.get(id);
  }

  @Test
  void metricsPageListsEveryMetric() throws Exception {
    var job = train(100_000, now -> now.progress().epoch() > 0);
    var scrape = registry.scrape();
    jobs.request(job.id(), JobAction.CANCEL);

    WrittenPage.assertUpToDate(Path.of("src/docs/reference/metrics.md"), page(scrape));
  }

  private static String page(String scrape) {
    var help = new TreeMap<String, String>();
    var type = new TreeMap<String, String>();
    var labels = new TreeMap<String, TreeSet<String>>();
    for (var line : scrape.lines().filter(line -> line.contains("spikewise_")).toList()) {
      var words = line.split(" ", 4);
      if (line.startsWith("# HELP")) {
        help.put(words[2], words[3]);
      } else if (line.startsWith("# TYPE")) {
        type.put(words[2], words[3]);
      } else {
        var names = labels.computeIfAbsent(family(line, type), any -> new TreeSet<>());
        var label = Pattern.compile("[{,]([a-z_]+)=").matcher(line);
        label.results().map(found -> found.group(1)).forEach(names::add);
      }
    }
    return """
    # Metrics

    Metrics of Spikewise at `/actuator/prometheus`, besides those of Spring Boot. `MetricsTest` writes this page and fails where it
    is out of date.

    Metrics with `job_id` are those of the jobs a process trains now; `spikewise.metrics.cardinality` `job` leaves the
    layers out, `fleet` the jobs too. `spikewise_jobs` and `spikewise_queue_oldest_age_seconds` have the same value in every
    process: take the `max`, not the `sum`.

    | metric | type | unit | labels | |
    |---|---|---|---|---|
    """
        + type.entrySet().stream()
            .map(
                metric ->
                    "| `%s` | %s | %s | %s | %s |%n"
                        .formatted(
                            metric.getKey(),
                            metric.getValue(),
                            unit(metric.getKey()),
                            labels.get(metric.getKey()).stream()
                                .filter(label -> !label.equals("le"))
                                .map(label -> "`" + label + "`")
                                .collect(joining(", ")),
                            help.get(metric.getKey())))
            .collect(joining());
  }

  private static String family(String sample, Map<String, String> types) {
    var name = sample.split("[{ ]")[0];
    return types.containsKey(name) ? name : name.replaceFirst("_(bucket|sum|count)$", "");
  }

  private static String unit(String metric) {
    var word = Pattern.compile("_(seconds|joules|bytes|ratio)(_total|_max)?$").matcher(metric);
    return word.find() ? word.group(1) : "1";
  }

  @Test
  @Needs(Part.PROMETHEUS)
  void promtoolFindsNothingWrong() throws Exception {
    train(3, now -> now.status() == JobState.SUCCEEDED);
    var ours =
        registry
            .scrape()
            .lines()
            .filter(line -> line.contains("spikewise_"))
            .collect(joining("\n"));

    var checked = new PrometheusTool("promtool").run(ours + "\n", "check", "metrics");

    assertThat(checked.output()).isEmpty();
    assertThat(checked.exitCode()).isZero();
  }

  @Test
  void countersCountWhatWasTrained() throws Exception {
    double synops = value("spikewise_trained_synops_total");
    double spikes = value("spikewise_trained_spikes_total");
    double samples = value("spikewise_trained_samples_total");
    double joules = value("spikewise_energy_joules_total{chip=\"loihi\"}");
    var job = train(3, now -> now.status() == JobState.SUCCEEDED);

    var epochs = jobs.epochs(job.id(), -1, 10, null);
    double trained = epochs.stream().mapToDouble(epoch -> 40 * epoch.synops()).sum();
    double rates = epochs.stream().mapToDouble(epoch -> epoch.firingRate()).sum();
    assertThat(value("spikewise_trained_samples_total") - samples).isEqualTo(3 * 40);
    assertThat(value("spikewise_trained_synops_total") - synops).isCloseTo(trained, within(1e-6));
    assertThat(value("spikewise_trained_spikes_total") - spikes)
        .isCloseTo(rates * 26 * 4 * 40, within(1e-6));
    assertThat(value("spikewise_energy_joules_total{chip=\"loihi\"}") - joules)
        .isCloseTo(trained * 23.6e-12, within(1e-6));
    assertThat(value("spikewise_queue_wait_seconds_count")).isPositive();
    assertThat(
            value("spikewise_worker_slots{state=\"idle\"}")
                + value("spikewise_worker_slots{state=\"busy\"}"))
        .isEqualTo(1);
  }

  private static Percentage within(double ratio) {
    return Percentage.withPercentage(100 * ratio);
  }

  private double value(String series) {
    return registry
        .scrape()
        .lines()
        .filter(line -> line.startsWith(series + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(series.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no series " + series));
  }

  @Test
  void jobSeriesExistOnlyWhileTraining() throws Exception {
    var job = train(100_000, now -> now.progress().epoch() > 0);
    var of = "job_id=\"" + job.id() + "\"";
    for (var end = Instant.now().plusSeconds(2); Instant.now().isBefore(end); Thread.sleep(100)) {
      assertThat(registry.scrape()).contains(of);
    }
    jobs.request(job.id(), JobAction.CANCEL);
    await(job.id(), now -> now.status() == JobState.CANCELLED);
    assertThat(registry.scrape()).as("the next scrape still sees how it ended").contains(of);
    Thread.sleep(1500);
    assertThat(registry.scrape()).doesNotContain(of);
  }

  @ParameterizedTest
  @CsvSource({"FLEET, 0", "JOB, 9", "LAYER, 15"})
  void cardinalityBoundsTheSeriesOfAJob(Cardinality cardinality, int series) throws Exception {
    var job = train(1, now -> now.status() == JobState.SUCCEEDED);
    var all = new SimpleMeterRegistry();
    var settings = new MetricsSettings(cardinality, Duration.ofHours(1), Map.of());
    var meters = new JobMeters(all, settings, workers);
    try {
      meters.on(new JobEvent.EpochsCompleted(job, List.of(job.latest()), 40, 0));

      assertThat(all.getMeters()).hasSize(series);
    } finally {
      meters.destroy();
    }
  }
}
