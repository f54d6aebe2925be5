package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.marcnuri.helm.Helm;
import com.marcnuri.helm.TemplateCommand;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.yaml.snakeyaml.Yaml;

class HelmChartTest {

  /** Known to their operators alone. */
  private static final Set<String> CUSTOM_RESOURCES =
      Set.of("PodMonitor", "PrometheusRule", "ScaledObject");

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
            "PodDisruptionBudget",
            "PodMonitor",
            "Service");
  }

  @Test
  void moreThanOneProcessOnH2IsRefused() {
    assertThatThrownBy(() -> rendered().set("worker.replicas", 1).call())
        .hasMessageContaining("more than one process needs PostgreSQL: set database.url");
  }

  @Test
  void rejectsFleetWithoutWorkers() {
    assertThatThrownBy(() -> rendered().set("server.jobs", 0).call())
        .hasMessageContaining("nobody would train");
    assertThatThrownBy(() -> onPostgres().set("worker.autoscaling.minReplicas", 11).call())
        .hasMessageContaining("minReplicas must not exceed maxReplicas");
  }

  @ParameterizedTest
  @CsvSource({
    "server.replicas, 0",
    "worker.jobs, 0",
    "worker.autoscaling.prometheus, prometheus",
    "database.url, mysql://db",
    "storage, much",
    "networkPolicy, true",
    "image.digest, latest",
    "ingress.host, https://spikewise.example.org",
    "worker.tolerations, all",
    "serverr.replicas, 1",
    "terminationGracePeriodSeconds, 1"
  })
  void schemaRejectsInvalidValue(String name, String value) {
    assertThatThrownBy(() -> rendered().set(name, value).call())
        .hasMessageContaining(name.split("\\.")[0]);
  }

  @Test
  void requiresCredentialsOrAnonymous() {
    assertThatThrownBy(() -> chart.template().withName("test").call())
        .hasMessageContaining("no credentials are configured: set apiKeys");
    assertThatThrownBy(
            () -> rendered().set("apiKeys[0].name", "ci").set("apiKeys[0].role", "train").call())
        .hasMessageContaining("sha256");
  }

  @Test
  void kubernetesKnowsEveryFieldOfEveryManifest() throws ReflectiveOperationException {
    for (var manifest : manifests(onPostgres())) {
      if (!CUSTOM_RESOURCES.contains(kind(manifest))) {
        validate(manifest);
      }
    }
    for (var manifest : manifests(rendered())) {
      validate(manifest);
    }
  }

  @Test
  void reportsFieldUnknownToKubernetes() {
    var deployment =
        manifests(rendered()).stream().filter(m -> kind(m).equals("Deployment")).findFirst();
    var misspelt = new HashMap<>(deployment.orElseThrow());
    misspelt.put("specc", Map.of());
    assertThatThrownBy(() -> validate(misspelt)).hasStackTraceContaining("specc");
  }

  @Test
  void chartContainsDashboardsAndRulesOfTheRepository() throws IOException {
    var manifests = manifests(onPostgres());
    var boards = only(manifests, "ConfigMap", "test-dashboards");
    assertThat(((Map<?, ?>) boards.get("data")).get("fleet.json"))
        .isEqualTo(Files.readString(Path.of("src/main/docker/grafana/dashboards/fleet.json")));
    var rules = only(manifests, "PrometheusRule", "test");
    // The renderer of this test has no namespace. Narrowed to the release, as several rule sets
    // would write the same series otherwise.
    var own =
        Files.readString(Path.of("src/main/docker/prometheus/rules.yml"))
            .replace("release=~\".*\"", "namespace=\"\", release=\"test\"");
    assertThat(own).doesNotContain("release=~");
    assertThat(rules.get("spec")).isEqualTo(new Yaml().load(own));
  }

  @Test
  void alertsLinkTheRunbooksAtTheGivenAddress() {
    var address = "https://spikewise.example.org/docs/operations/runbooks.md";
    var rules = only(manifests(onPostgres().set("runbooks", address)), "PrometheusRule", "test");
    assertThat(new Yaml().dump(rules.get("spec")))
        .contains(address + "#spikewisedown")
        .doesNotContain("src/docs");
    assertThatThrownBy(() -> rendered().set("runbooks", "runbooks.md").call())
        .hasMessageContaining("runbooks");
  }

  @Test
  void helmTestTrainsTheTutorialsJobForThreeEpochs(@TempDir Path copy) throws Exception {
    // Rendering leaves hooks out, so they are rendered as ordinary manifests.
    copy(Path.of("helm/spikewise"), copy);
    var train = copy.resolve("templates/tests/train.yaml");
    Files.writeString(train, Files.readString(train).replaceAll(" +annotations: .*\n", ""));
    var manifests = manifests(anonymous(new Helm(copy)));
    validate(only(manifests, "Pod", "test-test"));
    var config = only(manifests, "ConfigMap", "test-test");
    Map<?, ?> job = new Yaml().load((String) ((Map<?, ?>) config.get("data")).get("job.json"));
    assertThat(job.get("epochs")).isEqualTo(3);
    assertThat(job.get("name")).isEqualTo("the tutorial: twice the synops");
  }

  @Test
  void everyPodMayDoAsLittleAsPossible() {
    for (var deployment : deployments()) {
      var pod = at(deployment, "spec", "template", "spec");
      assertThat(pod).containsEntry("automountServiceAccountToken", false);
      // A Service's links would come in as the server's settings.
      assertThat(pod).containsEntry("enableServiceLinks", false);
      assertThat(at(pod, "securityContext"))
          .containsEntry("runAsNonRoot", true)
          .containsEntry("seccompProfile", Map.of("type", "RuntimeDefault"));
      var container = container(pod);
      assertThat(at(container, "securityContext"))
          .containsEntry("allowPrivilegeEscalation", false)
          .containsEntry("readOnlyRootFilesystem", true)
          .containsEntry("capabilities", Map.of("drop", List.of("ALL")));
      assertThat(at(container, "resources", "limits")).containsKey("memory");
      assertThat(at(container, "resources", "requests")).containsKeys("cpu", "memory");
    }
  }

  @Test
  void selectorsFindTheirPodsAndNoOthers() {
    var labels =
        deployments().stream()
            .map(each -> at(each, "spec", "template", "metadata", "labels"))
            .toList();
    assertThat(labels).hasSize(2);
    for (var deployment : deployments()) {
      var selector = at(deployment, "spec", "selector", "matchLabels");
      assertThat(labels)
          .filteredOn(pod -> pod.entrySet().containsAll(selector.entrySet()))
          .hasSize(1);
    }
    var service = at(only(manifests(onPostgres()), "Service", "test"), "spec", "selector");
    assertThat(labels)
        .filteredOn(pod -> pod.entrySet().containsAll(service.entrySet()))
        .first()
        .satisfies(pod -> assertThat(pod).containsEntry("app.kubernetes.io/component", "server"));
    var monitor =
        at(only(manifests(onPostgres()), "PodMonitor", "test"), "spec", "selector", "matchLabels");
    assertThat(labels).allMatch(pod -> pod.entrySet().containsAll(monitor.entrySet()));
  }

  @Test
  void gracePeriodCoversDrain() throws IOException {
    Map<String, Object> settings =
        new Yaml()
            .load(Files.readString(Path.of("src/main/resources/application.yaml")).split("---")[0]);
    var phase = (String) at(settings, "spring").get("lifecycle.timeout-per-shutdown-phase");
    for (var deployment : deployments()) {
      var pod = at(deployment, "spec", "template", "spec");
      assertThat((Integer) pod.get("terminationGracePeriodSeconds"))
          .isGreaterThan(5 + Integer.parseInt(phase.replace("s", "")));
      var container = container(pod);
      assertThat(at(container, "livenessProbe", "httpGet"))
          .containsEntry("path", "/actuator/health/liveness");
      assertThat(at(container, "startupProbe")).containsEntry("failureThreshold", 60);
    }
  }

  private List<Map<String, Object>> deployments() {
    return manifests(onPostgres()).stream()
        .filter(each -> kind(each).equals("Deployment"))
        .toList();
  }

  private static Map<?, ?> container(Map<?, ?> pod) {
    return (Map<?, ?>) ((List<?>) pod.get("containers")).getFirst();
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> at(Map<?, ?> manifest, String... path) {
    var there = manifest;
    for (var name : path) {
      there = (Map<?, ?>) there.get(name);
    }
    return (Map<String, Object>) there;
  }

  @Test
  void workersAreCountedByKedaAloneWhereItScalesThem() {
    var manifests = manifests(onPostgres());
    var worker = only(manifests, "Deployment", "test-worker");
    assertThat(((Map<?, ?>) worker.get("spec")).containsKey("replicas")).isFalse();
    var scaled = only(manifests, "ScaledObject", "test-worker");
    assertThat(scaled.get("spec").toString()).contains("name=test-worker", "queued|running");
  }

  private TemplateCommand rendered() {
    return anonymous(chart);
  }

  private static TemplateCommand anonymous(Helm chart) {
    return chart.template().withName("test").set("anonymous", true);
  }

  private static void copy(Path from, Path to) throws IOException {
    try (var files = Files.walk(from, FileVisitOption.FOLLOW_LINKS)) {
      for (var file : files.filter(Files::isRegularFile).toList()) {
        var target = to.resolve(from.relativize(file));
        Files.createDirectories(target.getParent());
        Files.copy(file, target);
      }
    }
  }

  /** With all there is. */
  private TemplateCommand onPostgres() {
    return rendered()
        .set("apiKeys[0].name", "ci")
        .set("apiKeys[0].role", "train")
        .set("apiKeys[0].sha256", "0".repeat(63) + "a")
        .set("credentials.existingSecret", "spikewise-key")
        .set("database.url", POSTGRES)
        .set("database.existingSecret", "postgres")
        .set("server.replicas", 2)
        .set("worker.autoscaling.prometheus", "http://prometheus:9090")
        .set("ingress.host", "spikewise.example.org")
        .set("ingress.tlsSecret", "tls")
        .set("networkPolicy.from[0].namespaceSelector.matchLabels.team", "snn")
        .set("networkPolicy.egress[0].ports[0].port", 5432)
        .set("imagePullSecrets[0].name", "registry")
        .set("podMonitor", true)
        .set("prometheusRule", true)
        .set("dashboards", true);
  }

  /** Against the models that are generated from the Kubernetes API's own description. */
  private static void validate(Map<String, Object> manifest) throws ReflectiveOperationException {
    Class.forName("io.kubernetes.client.openapi.models.V1" + kind(manifest))
        .getMethod("validateJsonElement", JsonElement.class)
        .invoke(null, new Gson().toJsonTree(manifest));
  }

  private static Map<String, Object> only(
      List<Map<String, Object>> manifests, String kind, String name) {
    return manifests.stream()
        .filter(m -> kind(m).equals(kind))
        .filter(m -> ((Map<?, ?>) m.get("metadata")).get("name").equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static List<String> kinds(TemplateCommand command) {
    return manifests(command).stream().map(HelmChartTest::kind).toList();
  }

  private static String kind(Map<String, Object> manifest) {
    return (String) manifest.get("kind");
  }

  private static List<Map<String, Object>> manifests(TemplateCommand command) {
    var manifests = new ArrayList<Map<String, Object>>();
    for (Object document : new Yaml().loadAll(command.call())) {
      if (document != null) {
        @SuppressWarnings("unchecked")
        var manifest = (Map<String, Object>) document;
        manifests.add(manifest);
      }
    }
    return manifests;
  }
}
