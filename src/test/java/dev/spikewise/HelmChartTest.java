package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.marcnuri.helm.Helm;
import com.marcnuri.helm.TemplateCommand;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.yaml.snakeyaml.Yaml;

class HelmChartTest {

  private static final String POSTGRES = "jdbc:postgresql://db/spikewise";

  private final Helm chart = new Helm(Path.of("helm/spikewise"));

  @Test
  void lintFindsNothing() {
    var result = chart.lint().strict().call();

    assertThat(result.isFailed()).as("%s", result.getMessages()).isFalse();
  }

  @Test
  void aloneItKeepsItsFilesOnAVolume() {
    assertThat(kinds(rendered()))
        .containsExactlyInAnyOrder(
            "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Service");
  }

  @Test
  void onPostgresServersAndWorkersScaleApart() {
    var replicas =
        rendered()
            .set("database.url", POSTGRES)
            .set("server.replicas", 2)
            .set("worker.replicas", 5)
            .set("podMonitor", true);

    assertThat(kinds(replicas))
        .containsExactlyInAnyOrder(
            "Deployment",
            "Deployment",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "PodMonitor",
            "Service");
  }

  @Test
  void moreThanOneProcessOnH2IsRefused() {
    assertThatThrownBy(() -> rendered().set("worker.replicas", 1).call())
        .hasMessageContaining("more than one process needs PostgreSQL: set database.url");
  }

  @ParameterizedTest
  @CsvSource({
    "server.replicas, 0",
    "worker.jobs, -1",
    "database.url, mysql://db",
    "storage, much",
    "serverr.replicas, 1",
    "terminationGracePeriodSeconds, 1"
  })
  void aBadValueIsRefusedByTheSchema(String name, String value) {
    assertThatThrownBy(() -> rendered().set(name, value).call())
        .hasMessageContaining(name.split("\\.")[0]);
  }

  private TemplateCommand rendered() {
    return chart.template().withName("test");
  }

  private static Iterable<String> kinds(TemplateCommand command) {
    return StreamSupport.stream(new Yaml().loadAll(command.call()).spliterator(), false)
        .filter(Map.class::isInstance)
        .map(manifest -> (String) ((Map<?, ?>) manifest).get("kind"))
        .toList();
  }
}
