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
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.comments.CommentLine;
import org.yaml.snakeyaml.comments.CommentType;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.ScalarNode;

class HelmChartTest {

  /** Path of the pod in a Deployment. */
  private static final String[] POD = {"spec", "template", "spec"};

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
    "terminationGracePeriodSeconds, 1",
    "wide.engine, slurm",
    "wide.ranks, 1",
    "wide.ranks, 17",
    "path, snn/",
    "path, /snn/",
    "tenants.vision.jobs, 5",
    "httpRoute.parentRefs[0].namespace, infra",
    "fullnameOverride, Snn",
    "probes.start.periodSeconds, 1"
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
  void kubernetesAndOperatorsKnowEveryFieldOfEveryManifest()
      throws IOException, ReflectiveOperationException {
    var operators = new CustomResources();
    var seen = new TreeSet<String>();
    for (var engine : List.of("mpijob", "trainjob")) {
      for (var manifest : manifests(everything(engine))) {
        if (operators.contains(kind(manifest))) {
          operators.validate(manifest);
          seen.add(kind(manifest));
        } else {
          validate(manifest);
        }
      }
    }
    assertThat(seen)
        .containsExactly(
            "HTTPRoute",
            "MPIJob",
            "PodMonitor",
            "PrometheusRule",
            "ScaledObject",
            "TrainJob",
            "TrainingRuntime");
    for (var manifest : manifests(rendered())) {
      validate(manifest);
    }
  }

  @Test
  void reportsFieldUnknownToAnOperator() throws IOException {
    var operators = new CustomResources();
    var job = only(manifests(everything("mpijob")), "MPIJob");
    at(job, "spec", "runPolicy").put("cleanPodPolicy", "Sometimes");
    assertThatThrownBy(() -> operators.validate(job)).hasMessageContaining("cleanPodPolicy");
    at(job, "spec", "runPolicy").remove("cleanPodPolicy");
    at(job, "spec").put("cleanPodPolicy", "All");
    assertThatThrownBy(() -> operators.validate(job))
        .hasMessageContaining("MPIJob.spec has no field cleanPodPolicy");
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
    var boards = only(manifests, "ConfigMap", "test-spikewise-dashboards");
    var fleet = ((Map<?, ?>) boards.get("data")).get("fleet.json").toString();
    assertThat(fleet).contains("\"title\": \"Spikewise /test: fleet\"");
    assertThat(fleet.replaceFirst("-[0-9a-f]{10}-", "-").replace(" /test: fleet", ": fleet"))
        .isEqualTo(Files.readString(Path.of("src/main/docker/grafana/dashboards/fleet.json")));
    var rules = only(manifests, "PrometheusRule", "test-spikewise");
    // The renderer of this test has no namespace. Narrowed to the release, as several rule sets
    // would write the same series otherwise.
    var own =
        Files.readString(Path.of("src/main/docker/prometheus/rules.yml"))
            .replace("release=~\".*\"", "namespace=\"\", release=\"test\"");
    assertThat(own).doesNotContain("release=~");
    assertThat(rules.get("spec")).isEqualTo(new Yaml().load(own));
  }

  @Test
  void boardsOfTwoReleasesHaveDifferentUids() {
    var uids = new HashSet<String>();
    for (var release : List.of("test", "other")) {
      var boards =
          only(
              manifests(onPostgres().withName(release)),
              "ConfigMap",
              release + "-spikewise-dashboards");
      for (var board : ((Map<?, ?>) boards.get("data")).values()) {
        var uid = Pattern.compile("\"uid\": \"(spikewise-[^\"]+)\"").matcher(board.toString());
        assertThat(uid.find()).isTrue();
        // The maximum length in Grafana.
        assertThat(uid.group(1)).hasSizeLessThanOrEqualTo(40);
        uids.add(uid.group(1));
      }
    }
    assertThat(uids).hasSize(4);
  }

  @Test
  void alertsLinkTheRunbooksAtTheGivenAddress() {
    var address = "https://spikewise.example.org/docs/operations/runbooks.md";
    var rules =
        only(manifests(onPostgres().set("runbooks", address)), "PrometheusRule", "test-spikewise");
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
    validate(only(manifests, "Pod", "test-spikewise-test"));
    var config = only(manifests, "ConfigMap", "test-spikewise-test");
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
    var service =
        at(only(manifests(onPostgres()), "Service", "test-spikewise"), "spec", "selector");
    assertThat(labels)
        .filteredOn(pod -> pod.entrySet().containsAll(service.entrySet()))
        .first()
        .satisfies(pod -> assertThat(pod).containsEntry("app.kubernetes.io/component", "server"));
    var monitor =
        at(
            only(manifests(onPostgres()), "PodMonitor", "test-spikewise"),
            "spec",
            "selector",
            "matchLabels");
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

  @Test
  void launcherOfWideWorkerIsRankZeroAndTheOnlyOneWithCredentials() {
    var job = only(manifests(everything("mpijob").set("wide.ranks", 3)), "MPIJob");
    var replicas = at(job, "spec", "mpiReplicaSpecs");
    assertThat(at(replicas, "Worker")).containsEntry("replicas", 2);
    var launcher = container(at(replicas, "Launcher", "template", "spec"));
    assertThat((List<?>) launcher.get("command"))
        .isEqualTo(
            List.of(
                ("/app/wide -np 3 --hostfile /etc/mpi/hostfile --bind-to none -x PATH -x"
                        + " JDK_JAVA_OPTIONS /app/spikewise")
                    .split(" ")));
    assertThat(environment(launcher))
        .contains("SPRING_DATASOURCE_PASSWORD", "SPIKEWISE_JOBS_WORKERS");
    var node = container(at(replicas, "Worker", "template", "spec"));
    assertThat(node).doesNotContainKeys("env", "envFrom", "ports");
    for (var pod : List.of(at(replicas, "Launcher"), at(replicas, "Worker"))) {
      // The keys of ssh belong to root and to the group of the pod.
      assertThat(at(pod, "template", "spec", "securityContext")).containsEntry("fsGroup", 10001);
      assertThat(container(at(pod, "template", "spec")))
          .containsEntry("image", "spikewise:0.1.0-mpi");
    }

    var trainJob = manifests(everything("trainjob").set("wide.ranks", 3));
    var runtime = only(trainJob, "TrainingRuntime");
    assertThat(at(only(trainJob, "TrainJob"), "spec", "runtimeRef"))
        .containsEntry("name", at(runtime, "metadata").get("name"));
    var jobs = (List<?>) at(runtime, "spec", "template", "spec").get("replicatedJobs");
    assertThat(jobs)
        .extracting(each -> (Object) ((Map<?, ?>) each).get("name"))
        .containsExactly("node", "launcher");
    for (var each : jobs) {
      // The operator mounts its keys into containers of this name only.
      assertThat(container(at((Map<?, ?>) each, "template", "spec", "template", "spec")))
          .containsEntry("name", "node");
    }
  }

  @Test
  void wideWorkerIsReplacedWhenItChangesBecauseItsFieldsAreImmutable() {
    var before = only(manifests(everything("mpijob")), "MPIJob");
    var after = only(manifests(everything("mpijob").set("wide.ranks", 16)), "MPIJob");
    assertThat(name(after)).isNotEqualTo(name(before));
    assertThat(name(only(manifests(everything("mpijob")), "MPIJob"))).isEqualTo(name(before));
    var longest =
        only(
            manifests(everything("mpijob").withName("r".repeat(53)).set("wide.ranks", 16)),
            "MPIJob");
    assertThat(name(longest) + "-worker-14").hasSizeLessThan(64);
  }

  @Test
  void objectsAreNamedByReleaseAndChart() {
    assertThat(name(only(manifests(rendered()), "Service"))).isEqualTo("test-spikewise");
    assertThat(name(only(manifests(rendered().withName("my-spikewise")), "Service")))
        .isEqualTo("my-spikewise");
    assertThat(name(only(manifests(rendered().set("fullnameOverride", "snn")), "Service")))
        .isEqualTo("snn");
    var manifests = manifests(everything("trainjob").set("fullnameOverride", "snn"));
    assertThat(manifests).allMatch(manifest -> name(manifest).startsWith("snn"));
  }

  @Test
  void pathIsServedProbedScrapedAndRouted() {
    var manifests = manifests(everything("mpijob").set("path", "/snn"));
    var server = container(at(only(manifests, "Deployment", "test-spikewise-server"), POD));
    assertThat(server.get("env").toString()).contains("SERVER_SERVLET_CONTEXTPATH, value=/snn");
    assertThat(at(server, "startupProbe", "httpGet"))
        .containsEntry("path", "/snn/actuator/health/liveness");
    assertThat(only(manifests, "PodMonitor").toString()).contains("path=/snn/actuator/prometheus");
    assertThat(only(manifests, "Ingress").toString()).contains("path=/snn,");
    assertThat(only(manifests, "HTTPRoute").toString()).contains("value=/snn}");
  }

  /** On H2, a start after a kill scans the file, which takes up to 20 s per GiB. */
  @ParameterizedTest
  @CsvSource({"5Gi, 220", "1Ti, 20600", "500Mi, 140"})
  void startupProbeAllowsTheScanOfH2(String storage, int seconds) {
    var deployment = only(manifests(rendered().set("storage", storage)), "Deployment");
    var probe = at(container(at(deployment, POD)), "startupProbe");
    assertThat((Integer) probe.get("periodSeconds") * (Integer) probe.get("failureThreshold"))
        .isEqualTo(seconds);
  }

  @Test
  void tenantsHaveQuotasAndKeys() {
    var manifests =
        manifests(
            onPostgres()
                .set("apiKeys[0].tenant", "vision")
                .set("tenants.team-a.jobs-queued", 5)
                .set("tenants.team-a.stored-bytes", "2GB"));
    var server = container(at(only(manifests, "Deployment", "test-spikewise-server"), POD));
    assertThat(server.get("env").toString())
        .contains(
            "SPIKEWISE_SECURITY_APIKEYS_0_TENANT, value=vision",
            "{\"spikewise\":{\"quotas\":{\"tenants\":{\"team-a\":{\"jobs-queued\":5,\"stored-bytes\":\"2GB\"}}}}}");
  }

  /** Renders the chart with each value changed, one at a time. */
  @Test
  void everyValueHasAnEffect(@TempDir Path folder) throws IOException {
    var yaml = new Yaml();
    Map<String, Map<String, Object>> cases =
        yaml.load(Files.readString(Path.of("src/test/resources/chart-values.yaml")));
    assertThat(cases.get("changes").keySet()).containsExactlyElementsOf(values().keySet());
    var file = folder.resolve("values.yaml");
    for (var change : cases.get("changes").entrySet()) {
      var name = change.getKey();
      var base =
          name.startsWith("storage")
              ? "alone"
              : name.equals("worker.replicas") ? "counted" : "base";
      var values = cases.get(base);
      Files.writeString(file, yaml.dump(values));
      var before = chart.template().withName("test").withValuesFile(file).call();
      Map<String, Object> changed = yaml.load(yaml.dump(values));
      put(changed, name, change.getValue());
      Files.writeString(file, yaml.dump(changed));
      assertThat(chart.template().withName("test").withValuesFile(file).call())
          .as("manifests with %s: %s", name, change.getValue())
          .isNotEqualTo(before);
    }
  }

  @SuppressWarnings("unchecked")
  private static void put(Map<String, Object> values, String name, Object value) {
    var parts = name.split("\\.");
    var there = values;
    for (int i = 0; i + 1 < parts.length; i++) {
      there = (Map<String, Object>) there.computeIfAbsent(parts[i], _ -> new HashMap<>());
    }
    there.put(parts[parts.length - 1], value);
  }

  @Test
  void everyValueIsDescribedOnThePage() throws IOException {
    var page =
        new StringBuilder(
            """
            # Helm chart

            Values of the chart in `helm/spikewise`, with their defaults. `HelmChartTest` writes this page from the comments in
            `values.yaml` and fails when it is out of date. [Containers and Kubernetes](../guides/kubernetes.md) shows how to
            install the chart.

            | value | default | effect |
            |---|---|---|
            """);
    values()
        .forEach(
            (name, value) -> {
              assertThat(value.description.split("\\s+"))
                  .as("comment at %s", name)
                  .hasSizeGreaterThanOrEqualTo(4);
              page.append("| `%s` | %s | %s |\n".formatted(name, value.shown, value.description));
            });
    WrittenPage.assertUpToDate(Path.of("src/docs/reference/chart.md"), page.toString());
  }

  private record Value(String shown, String description) {}

  private static Map<String, Value> values() throws IOException {
    var options = new LoaderOptions();
    options.setProcessComments(true);
    var root =
        new Yaml(options).compose(Files.newBufferedReader(Path.of("helm/spikewise/values.yaml")));
    var values = new LinkedHashMap<String, Value>();
    collect("", (MappingNode) root, values);
    return values;
  }

  private static void collect(String prefix, MappingNode node, Map<String, Value> values) {
    for (var field : node.getValue()) {
      var name = prefix + ((ScalarNode) field.getKeyNode()).getValue();
      var value = field.getValueNode();
      if (value instanceof MappingNode group
          && !group.getValue().isEmpty()
          && !name.equals("resources")) {
        collect(name + ".", group, values);
        continue;
      }
      var comments = new ArrayList<CommentLine>();
      for (var list :
          Arrays.asList(
              field.getKeyNode().getBlockComments(),
              field.getKeyNode().getInLineComments(),
              value.getInLineComments())) {
        comments.addAll(list == null ? List.of() : list);
      }
      values.put(
          name,
          new Value(
              switch (value) {
                case ScalarNode scalar when scalar.getValue().isEmpty() -> "";
                case ScalarNode scalar -> "`" + scalar.getValue() + "`";
                case MappingNode group when !group.getValue().isEmpty() -> "1 CPU, 1 to 2 GiB";
                default -> "";
              },
              comments.stream()
                  .filter(line -> line.getCommentType() != CommentType.BLANK_LINE)
                  .map(line -> line.getValue().strip())
                  .collect(Collectors.joining(" "))));
    }
  }

  private List<Map<String, Object>> deployments() {
    return manifests(onPostgres()).stream()
        .filter(each -> kind(each).equals("Deployment"))
        .toList();
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> container(Map<?, ?> pod) {
    return (Map<String, Object>) ((List<?>) pod.get("containers")).getFirst();
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
    var worker = only(manifests, "Deployment", "test-spikewise-worker");
    assertThat(((Map<?, ?>) worker.get("spec")).containsKey("replicas")).isFalse();
    var scaled = only(manifests, "ScaledObject", "test-spikewise-worker");
    assertThat(scaled.get("spec").toString())
        .contains("name=test-spikewise-worker", "queued|running");
  }

  /** With all objects that the chart has. */
  private TemplateCommand everything(String engine) {
    return onPostgres()
        .set("httpRoute.parentRefs[0].name", "gateway")
        .set("httpRoute.hostnames[0]", "spikewise.example.org")
        .set("wide.engine", engine)
        .set("wide.queue", "training");
  }

  private static List<String> environment(Map<?, ?> container) {
    return ((List<?>) container.get("env"))
        .stream().map(variable -> (String) ((Map<?, ?>) variable).get("name")).toList();
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

  private static Map<String, Object> only(List<Map<String, Object>> manifests, String kind) {
    return manifests.stream().filter(m -> kind(m).equals(kind)).findFirst().orElseThrow();
  }

  private static String name(Map<String, Object> manifest) {
    return (String) at(manifest, "metadata").get("name");
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
