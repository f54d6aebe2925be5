package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class JobControllerTest extends ServiceTest {

  private static final String JOBS = "/api/v1/jobs";

  private static String spec(String more) {
    return """
    {"model": {"input_shape": [1, 8, 8], "layers": [
       {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "IAF"}, {"type": "SumPool2d", "kernel_size": 2},
       {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]},
     "batch_size": 2, "time_steps": 5, "seed": 1,
     "loss": [{"type": "synops", "target": {"baseline_multiple": 1.5}}]%s}\
    """
        .formatted(more);
  }

  private String submit(String more) {
    var response = post(JOBS, spec(more));
    assertThat(response.statusCode()).as(response.body()).isEqualTo(202);
    return response.headers().firstValue("Location").orElseThrow();
  }

  @Test
  void earlyStoppedJobHasReason() throws Exception {
    var path =
        submit(
            ", \"epochs\": 1000, \"early_stopping\": {\"target_met_epochs\": 3, \"tolerance\": 1}");
    var job = await(path, "succeeded", "failed");
    assertThat(job.get("status").asString()).as(job.toPrettyString()).isEqualTo("succeeded");
    assertThat(job.get("reason").asString()).isEqualTo("target_met");
    assertThat(job.at("/progress/epoch").asInt()).isEqualTo(3);
    assertThat(get(path.replace("/api/v1/", "/")).body()).contains("The target was met");
  }

  @Test
  void figuresGatesAndWeightsAreThoseOfTheBestEpoch() throws Exception {
    var path =
        submit(
            """
            , "epochs": 12, "optimizer": {"type": "AdamW", "learning_rate": 0.2}, "restore_best": {},
            "gates": [{"metric": "loss", "max": 1000000}]\
            """);
    var job = await(path, "succeeded", "failed");
    assertThat(job.get("status").asString()).as(job.toPrettyString()).isEqualTo("succeeded");
    assertThat(job.at("/progress/epoch").asInt()).isEqualTo(12);
    var epochs = body(get(path + "/epochs")).get("data");
    var best =
        StreamSupport.stream(epochs.spliterator(), false)
            .min(java.util.Comparator.comparing(epoch -> (float) epoch.get("loss").asDouble()))
            .orElseThrow();
    assertThat(best.get("epoch").asInt()).as(epochs.toPrettyString()).isLessThan(11);
    assertThat(job.get("latest")).isEqualTo(best);
    assertThat(get(JOBS + "?max_loss=" + best.get("loss").asString()).body())
        .as("the list filters by the same figures")
        .contains(job.get("id").asString());
    assertThat(job.at("/verdict/results/0/value").asDouble())
        .isEqualTo(best.get("loss").asDouble());
  }

  @Test
  void jobTrainsToEndAndGatesAreJudged() throws Exception {
    var path =
        submit(
            """
            , "name": "small", "epochs": 20, "labels": {"kind": "test"},
            "gates": [{"metric": "synops", "min": 1}, {"metric": "accuracy", "min": 0.5}]\
            """);
    var job = await(path, "succeeded", "failed");

    assertThat(job.get("status").asString()).as(job.toPrettyString()).isEqualTo("succeeded");
    assertThat(job.get("reason").asString()).isEqualTo("completed");
    assertThat(job.at("/progress/epoch").asInt()).isEqualTo(20);
    assertThat(job.at("/latest/epoch").asInt()).isEqualTo(19);
    assertThat(job.get("target_synops").asDouble())
        .isEqualTo(1.5 * job.at("/baseline/synops").asDouble());
    assertThat(job.at("/verdict/results/0/passed").asBoolean()).isTrue();
    assertThat(job.at("/verdict/results/1/passed").asBoolean())
        .as("there is no accuracy")
        .isFalse();
    assertThat(job.at("/verdict/passed").asBoolean()).isFalse();
    assertThat(job.at("/provenance/spec_sha256").asString()).hasSize(64);

    var epochs = body(get(path + "/epochs")).get("data");
    assertThat(StreamSupport.stream(epochs.spliterator(), false).map(e -> e.get("epoch").asInt()))
        .containsExactlyElementsOf(java.util.stream.IntStream.range(0, 20).boxed().toList());
    assertThat(epochs.get(0).at("/parameter/4/synops").asDouble()).isPositive();
    assertThat(body(get(path + "/epochs?after=4&limit=3")).get("next_cursor").asString())
        .isEqualTo("7");
    assertThat(body(get(path + "/epochs?max_points=5")).get("data").size()).isLessThanOrEqualTo(6);
    assertThat(
            send(
                    "GET",
                    path + "/epochs",
                    java.net.http.HttpRequest.BodyPublishers.noBody(),
                    "Accept",
                    "text/csv")
                .body())
        .startsWith("epoch,loss,synops,")
        .hasLineCount(21);
    assertThat(body(get(path + "/statistics")).get("synops").asDouble())
        .isEqualTo(job.at("/latest/synops").asDouble());
    assertThat(body(get(path + "/firing-rates/1")).get("data").size()).isEqualTo(4 * 6 * 6);
    var npy = get(path + "/firing-rates/1.npy");
    assertThat(npy.body()).contains("NUMPY", "'shape': (4, 6, 6,)");
    assertThat(npy.headers().firstValue("Content-Type")).hasValue("application/x-npy");
    assertThat(
            send("GET", path + "/firing-rates/1", BodyPublishers.noBody(), "Accept", "*/*").body())
        .startsWith("{");
    assertThat(get(path + "/weights").headers().firstValue("Content-Type"))
        .hasValue("application/x-npz");
    for (var file : new String[] {"/weights.npz", "/weights.safetensors", "/nir"}) {
      var response = get(path + file);
      assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
      assertThat(response.headers().firstValue("Content-Disposition").orElseThrow())
          .startsWith("attachment");
    }
    assertThat(get(path + "/weights.safetensors").body()).contains("0.weight", "\"F32\"");
    problem(get(path + "/nir?dialect=none"), 422, "invalid_spec");
    assertThat(get(path + "/epochs.csv").body()).startsWith("epoch,loss,synops,");
    assertThat(get(path + "/report.md").body()).contains("small");
    assertThat(get(path + "/report.xml").body()).startsWith("<?xml");
    assertThat(body(get(JOBS + "?label=kind:test&status=succeeded&name=small")).get("data"))
        .hasSize(1);
    assertThat(body(get(JOBS + "?label=kind:other")).get("data")).isEmpty();
    assertThat(delete(path).statusCode()).isEqualTo(204);
    assertThat(get(path).statusCode()).isEqualTo(404);
  }

  @Test
  void filtersAreFew() {
    var many = "?label=k:v" + "&label=k:v".repeat(16);
    problem(get(JOBS + many), 400, "invalid_parameter");
    var states = "?status=queued" + "&status=queued".repeat(16);
    problem(get(JOBS + states), 400, "invalid_parameter");
    problem(get(JOBS + "?label=k:v&label=k:w"), 400, "invalid_parameter");
    var stream = get(JOBS + "/events" + many);
    assertThat(stream.statusCode()).isEqualTo(400);
  }

  @Test
  void everyLabelOfAFilterMustBeThere() throws Exception {
    var tag = UUID.randomUUID().toString();
    var labels = "{\"a\": \"" + tag + "\", \"b\": \"1\", \"c\": \"2\"}";
    var spec =
        "{\"model\": {\"input_shape\": [4], \"layers\": [{\"type\": \"Linear\", \"out_features\":"
            + " 2}, {\"type\": \"IAF\"}]}, \"epochs\": 1, \"labels\": "
            + labels
            + "}";
    var path = post(JOBS, spec).headers().firstValue("Location").orElseThrow();
    var found = body(get(JOBS + "?label=a:" + tag + "&label=b:1&label=c:2")).get("data");
    assertThat(found).hasSize(1);
    assertThat(found.get(0).has("spec")).isFalse();
    assertThat(found.get(0).has("baseline")).isFalse();
    assertThat(found.get(0).at("/links/self").asString()).isEqualTo(path);
    assertThat(body(get(JOBS + "?label=a:" + tag + "&label=b:2")).get("data")).isEmpty();
    await(path, "succeeded");
    assertThat(body(get(path)).at("/spec/labels/b").asString()).isEqualTo("1");
  }

  @Test
  void layersOfEveryKindAreStoredAndTrainedAsTheyWereSent() throws Exception {
    var back = "\"rec_connect\": {\"type\": \"Linear\", \"out_features\": 6}";
    var response =
        post(
            JOBS,
            """
            {"model": {"input_shape": [1, 8, 8], "layers": [
               {"type": "Conv2d", "out_channels": 4, "kernel_size": 3}, {"type": "BatchNorm2d"}, {"type": "ReLU"},
               {"type": "AvgPool2d", "kernel_size": 2}, {"type": "Dropout2d"},
               {"type": "Conv2d", "out_channels": 4, "kernel_size": 2}, {"type": "IAF", "min_v_mem": -0.1},
               {"type": "SpikingMaxPooling2dLayer", "kernel_size": 2}, {"type": "Flatten"},
               {"type": "Linear", "out_features": 6}, {"type": "ALIF", "tau_mem": 9, "tau_adapt": 9, "min_v_mem": -0.2},
               {"type": "IAFRecurrent", "min_v_mem": -0.3, %s}, {"type": "Dropout", "p": 0.1},
               {"type": "LIFRecurrent", "tau_mem": 5, "min_v_mem": -0.4, %s}, {"type": "NeuromorphicReLU"},
               {"type": "Linear", "out_features": 10}, {"type": "ExpLeak", "tau_mem": 5, "min_v_mem": -0.5}]},
             "input": {"type": "dataset", "id": "digits", "limit": 40}, "batch_size": 8, "time_steps": 5, "epochs": 2,
             "loss": [{"type": "max_membrane_cross_entropy"}, {"type": "input_difference", "weight": 0.1}]}\
            """
                .formatted(back, back));
    assertThat(response.statusCode()).as(response.body()).isEqualTo(202);
    var job = await(response.headers().firstValue("Location").orElseThrow(), "succeeded", "failed");
    assertThat(job.get("status").asString()).as(job.toPrettyString()).isEqualTo("succeeded");
    var layers = job.at("/spec/model/layers");
    assertThat(
            StreamSupport.stream(layers.spliterator(), false)
                .filter(layer -> layer.has("min_v_mem"))
                .map(layer -> layer.get("min_v_mem").asDouble()))
        .containsExactly(-0.1, -0.2, -0.3, -0.4, -0.5);
    assertThat(layers.at("/13/rec_connect/type").asString()).isEqualTo("Linear");
    problem(
        post(
            JOBS,
            spec("").replace("\"IAF\"", "\"IAFRecurrent\", " + back.replace("Linear", "Conv2d"))),
        422,
        "invalid_spec");
  }

  @Test
  void runningJobIsCancelledAtOnceAndCanBeResumed() throws Exception {
    var path = submit(", \"epochs\": 100000");
    await(path, "running");
    while (body(get(path)).at("/progress/epoch").asInt() == 0) {
      Thread.sleep(50);
    }
    assertThat(post(path + "/cancel", "").statusCode()).isEqualTo(202);
    var job = await(path, "cancelled");
    assertThat(job.get("reason").asString()).isEqualTo("requested");
    assertThat(post(path + "/cancel", "").statusCode()).as("again is harmless").isEqualTo(202);
    assertThat(post(path + "/pause", "").statusCode()).isEqualTo(409);
    assertThat(body(post(path + "/pause", "")).get("allowed_actions")).hasSize(2);

    int epoch = job.at("/progress/epoch").asInt();
    assertThat(post(path + "/resume", "").statusCode()).isEqualTo(202);
    await(path, "running");
    assertThat(post(path + "/pause", "").statusCode()).isEqualTo(202);
    assertThat(await(path, "paused").at("/progress/epoch").asInt()).isGreaterThanOrEqualTo(epoch);
    assertThat(delete(path).statusCode()).isEqualTo(204);
  }

  @Test
  void timeInWhichAJobIsPausedIsNoneOfItsRuntime() throws Exception {
    var path = submit(", \"epochs\": 100000000, \"max_runtime_seconds\": 2");
    await(path, "running");
    post(path + "/pause", "");
    int epoch = await(path, "paused").at("/progress/epoch").asInt();
    Thread.sleep(2100);
    post(path + "/resume", "");
    var end = await(path, "failed");
    assertThat(end.get("reason").asString()).isEqualTo("max_runtime_exceeded");
    assertThat(end.at("/progress/epoch").asInt()).isGreaterThan(epoch);
  }

  private HttpResponse<String> getWith(String path, String... headers) {
    return send("GET", path, BodyPublishers.noBody(), headers);
  }

  @Test
  void getWaitsForNextChange() throws Exception {
    var path = submit(", \"epochs\": 100000");
    await(path, "running");
    post(path + "/pause", "");
    await(path, "paused");
    var before = Instant.now();
    var waited = getWith(path, "Prefer", "respond-async, wait=1");
    assertThat(Duration.between(before, Instant.now())).isGreaterThan(Duration.ofSeconds(1));
    assertThat(waited.statusCode()).isEqualTo(200);
    assertThat(waited.headers().firstValue("Preference-Applied")).hasValue("wait=1");
    assertThat(body(waited).get("status").asString()).isEqualTo("paused");

    var old = waited.headers().firstValue("ETag").orElseThrow();
    assertThat(getWith(path, "Prefer", "wait=1", "If-None-Match", old).statusCode()).isEqualTo(304);
    try (var other = Executors.newVirtualThreadPerTaskExecutor()) {
      var news = other.submit(() -> getWith(path, "Prefer", "wait=30", "If-None-Match", old));
      post(path + "/cancel", "");
      assertThat(body(news.get(60, TimeUnit.SECONDS)).get("status").asString())
          .isEqualTo("cancelled");
    }
    assertThat(getWith(path, "Prefer", "wait=30").statusCode())
        .as("a job that is over is not waited for")
        .isEqualTo(200);
  }

  /** As a browser does that goes to another page. */
  @Test
  void clientDisconnectIsNotLoggedAsError(CapturedOutput log) throws Exception {
    var path = submit(", \"epochs\": 1000");
    await(path, "succeeded");
    try (var socket = new Socket()) {
      // The answer does not fit in what the two systems keep of it.
      socket.setReceiveBufferSize(1 << 10);
      socket.setSoLinger(true, 0);
      socket.connect(new InetSocketAddress("127.0.0.1", port));
      var request = "GET " + path + "/epochs?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      assertThat(socket.getInputStream().read()).isEqualTo('H');
    }
    var failure = Pattern.compile("client disconnected before|already committed");
    for (var end = Instant.now().plusSeconds(10); !failure.matcher(log).find(); ) {
      assertThat(Instant.now()).isBefore(end);
      Thread.sleep(50);
    }
    assertThat(log).doesNotContain("Internal error", "already committed");
  }

  @Test
  void eventStreamContinuesAfterLastEventId() {
    var path = submit(", \"epochs\": 30") + "/events";
    var response = getWith(path, "Accept", "text/event-stream");
    assertThat(response.headers().firstValue("Content-Type").orElseThrow())
        .startsWith("text/event-stream");
    var events = List.of(response.body().split("\n\n"));
    assertThat(events.stream().filter(event -> event.contains("event: epoch\n"))).hasSize(30);
    assertThat(events.getFirst())
        .startsWith("id: ")
        .contains("event: state\n", "\"status\":\"queued\"");
    assertThat(events.get(events.size() - 2))
        .contains("event: state\n", "\"status\":\"succeeded\"");
    assertThat(events.getLast()).startsWith("event: end\n").contains("\"status\":\"succeeded\"");

    var tenth = events.get(9).lines().findFirst().orElseThrow().substring("id: ".length());
    var rest =
        getWith(path, "Accept", "text/event-stream", "Last-Event-ID", tenth).body().split("\n\n");
    assertThat(rest).containsExactlyElementsOf(events.subList(10, events.size()));
    assertThat(getWith(path, "Accept", "text/event-stream", "Last-Event-ID", "x").statusCode())
        .isEqualTo(400);
    assertThat(
            getWith("/api/v1/jobs/" + UUID.randomUUID() + "/events", "Accept", "text/event-stream")
                .statusCode())
        .isEqualTo(404);
    assertThat(body(get(path)).get("data")).hasSize(events.size() - 1);
  }

  @Test
  @Timeout(60)
  void manyReadersOfAJobAreToldTheSame() throws Exception {
    var path = submit(", \"epochs\": 300") + "/events";
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Callable<String> reader = () -> getWith(path, "Accept", "text/event-stream").body();
      var readers = threads.invokeAll(Collections.nCopies(200, reader));
      var told = readers.getFirst().get();
      assertThat(told.split("\n\n")).hasSizeGreaterThan(300);
      for (var others : readers) {
        assertThat(others.get()).isEqualTo(told);
      }
    }
  }

  /** The events of a stream up to and with the next one of this kind. */
  private static List<String> until(Iterator<String> lines, String event) {
    var events = new ArrayList<String>();
    var parts = new ArrayList<String>();
    while (events.isEmpty() || !events.getLast().contains("event: " + event + "\n")) {
      var line = lines.next();
      if (line.isEmpty()) {
        events.add(String.join("\n", parts));
        parts.clear();
      } else {
        parts.add(line);
      }
    }
    return events;
  }

  private Stream<String> listen(String query, String... headers) {
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + JOBS + "/events" + query))
            .header("Accept", "text/event-stream");
    for (int i = 0; i < headers.length; i += 2) {
      request.header(headers[i], headers[i + 1]);
    }
    return send(request.build(), BodyHandlers.ofLines()).body();
  }

  @Test
  @Timeout(60)
  void listStreamSendsEveryChangeExactlyOnce() throws Exception {
    var label = "?label=stream:" + UUID.randomUUID();
    var labels = ", \"epochs\": 3, \"labels\": {\"stream\": \"" + label.substring(14) + "\"}";
    var first = submit(labels);
    await(first, "succeeded");
    String last;
    try (var stream = listen(label)) {
      var lines = stream.iterator();
      var events = until(lines, "list");
      assertThat(events).hasSize(2);
      assertThat(events.getFirst()).startsWith("event: job\n").contains("\"status\":\"succeeded\"");
      assertThat(events.getLast()).startsWith("id: ").contains(first.substring(JOBS.length() + 1));

      var second = submit(labels);
      events = until(lines, "list");
      assertThat(events.getLast())
          .containsSubsequence(
              second.substring(JOBS.length() + 1), first.substring(JOBS.length() + 1));
      while (events.stream().noneMatch(event -> event.contains("\"status\":\"succeeded\""))) {
        events = until(lines, "job");
        assertThat(events.getLast()).contains(second);
      }
      last = events.getLast().lines().findFirst().orElseThrow().substring("id: ".length());
      delete(first);
      assertThat(until(lines, "list").getLast()).doesNotContain(first.substring(JOBS.length() + 1));
      submit(labels);
      until(lines, "list");
    }
    try (var stream = listen(label, "Last-Event-ID", last)) {
      assertThat(until(stream.iterator(), "list"))
          .as("what was missed, so everything as it is now")
          .hasSize(3);
    }
    var state = body(get(JOBS + label)).get("data");
    await(state.at("/0/links/self").asString(), "succeeded");
    try (var stream = listen(label)) {
      last =
          until(stream.iterator(), "list")
              .getLast()
              .lines()
              .findFirst()
              .orElseThrow()
              .substring("id: ".length());
    }
    try (var stream = listen(label, "Last-Event-ID", last)) {
      send(
          "PATCH",
          state.at("/1/links/self").asString(),
          BodyPublishers.ofString("{\"name\":\"n\"}"));
      assertThat(until(stream.iterator(), "job"))
          .as("only what changed since")
          .singleElement()
          .asString()
          .contains("\"name\":\"n\"");
    }
    assertThat(getWith(JOBS + "/events?status=asleep", "Accept", "text/event-stream").statusCode())
        .isEqualTo(400);
  }

  @Test
  void dryRunStoresNothing() {
    var response = post(JOBS + "?dry_run=true", spec(", \"name\": \"never\", \"epochs\": 3"));
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    assertThat(body(response).get("samples").asInt()).isEqualTo(6);
    assertThat(body(get(JOBS + "?name=never")).get("data")).isEmpty();
  }

  @Test
  void rejectsInvalidSpec() {
    assertThat(post(JOBS, spec(", \"epochs\": -1")).statusCode()).isEqualTo(422);
    assertThat(body(post(JOBS, spec(", \"epochs\": -1, \"colour\": 1"))).get("errors")).hasSize(2);
    assertThat(get(JOBS + "?status=asleep").statusCode()).isEqualTo(400);
    assertThat(get(JOBS + "/nothing").statusCode()).isEqualTo(404);
  }

  @Test
  void metricsOfRunningJobAppearAndDisappear() throws Exception {
    var path = submit(", \"epochs\": 100000");
    var id = path.substring(path.lastIndexOf('/') + 1);
    var deadline = Instant.now().plusSeconds(30);
    while (!get("/actuator/prometheus").body().contains(id)) {
      assertThat(Instant.now()).isBefore(deadline);
      Thread.sleep(100);
    }
    assertThat(get("/actuator/prometheus").body())
        .contains("spikewise_job_synops{job_id=\"" + id + "\"}")
        .contains("spikewise_job_target_ratio{job_id=\"" + id + "\"}")
        .contains("spikewise_layer_synops{job_id=\"" + id + "\",layer=\"4\"}")
        .contains("spikewise_layer_firing_rate{job_id=\"" + id + "\",layer=\"1\"}")
        .contains("spikewise_jobs{status=\"running\"} 1.0");
    post(path + "/cancel", "");
    await(path, "cancelled");
    while (get("/actuator/prometheus").body().contains(id)) {
      assertThat(Instant.now()).isBefore(deadline);
      Thread.sleep(100);
    }
    assertThat(get("/actuator/prometheus").body())
        .contains("spikewise_jobs_finished_total{reason=\"requested\",status=\"cancelled\"}");
  }
}
