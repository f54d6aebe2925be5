package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.interop.Weights;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Clob;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import org.flywaydb.core.Flyway;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A database of an earlier version, with rows in all of its tables, is migrated and read. */
@ExtendWith(OutputCaptureExtension.class)
class UpgradeTest {

  private static final String EARLIER = "7";
  private static final String ID = "00000000-0000-0000-0000-00000000000";

  /**
   * Properties that are computed for each answer and that later versions compute differently: the
   * Pareto front compares held-out samples where there are any, and the estimate of memory counts
   * more.
   */
  private static final Set<String> COMPUTED_ANEW = Set.of("pareto_front", "memory_bytes");

  private static final String MODEL =
      """
      {"name":"old","input_shape":[1,2,2],"layers":[{"type":"Flatten"},{"type":"Linear","out_features":2,"bias":false},\
      {"type":"IAF"}]}\
      """;

  private static final String JOB =
      """
      insert into job (id, version, name, status, reason, spec, model_id, model, priority, attempt, epoch, created_at,
        updated_at, due_at, active_ms, state_changes, fence, losses) values ('%s', 3, 'old', '%s', %s, '%s', '%s', '%s',
        0, 1, %d, current_timestamp, current_timestamp, current_timestamp, 5, 1, 1, 0)\
      """;

  private static final String EPOCH =
      """
      {"epoch":0,"loss":0.5,"loss_terms":{"0":0.5},"synops":8.0,"firing_rate":0.5,"accuracy":1.0,"duration_ms":1.0,\
      "parameter":{"1":{"synops":8.0}},"spiking":{"2":{"firing_rate":0.5,"silent_ratio":0.0}}}\
      """;

  /** As version 7 stored them. */
  private static final List<String> ROWS =
      List.of(
          "insert into model (id, name, definition, created_at) values ('%s1', 'old', '%s', current_timestamp)"
              .formatted(ID, MODEL),
          JOB.formatted(
              ID + 2,
              "SUCCEEDED",
              "'COMPLETED'",
              "{\"model\":{\"id\":\"" + ID + "1\"},\"epochs\":1,\"batch_size\":1}",
              ID + 1,
              MODEL,
              1),
          JOB.formatted(
              ID + 3,
              "QUEUED",
              "null",
              "{\"model\":{\"id\":\""
                  + ID
                  + "1\"},\"epochs\":2,\"input\":{\"type\":\"dataset\",\"id\":\"d\"},\"batch_size\":1,"
                  + "\"loss\":[{\"type\":\"cross_entropy\"}]}",
              ID + 1,
              MODEL,
              0),
          "insert into job_label (job_id, label, content) values ('%s2', 'git_sha', 'abc')"
              .formatted(ID),
          "insert into epoch (job_id, epoch, metrics) values ('%s2', 0, '%s')".formatted(ID, EPOCH),
          """
          insert into state_change (job_id, number, attempt, epoch, content) values ('%s2', 1, 1, 1,
            '{"status":"succeeded","reason":"completed","attempt":1,"epoch":1,"at":"2026-01-01T00:00:00Z"}')\
          """
              .formatted(ID),
          """
          insert into idempotency (id, fingerprint, status, created_at) values ('k', 'f', 202, current_timestamp)\
          """,
          """
          insert into dataset (id, name, samples, shape, time_steps, classes, created_at) values ('d', 'old', 1, '1,2,2', 0,
            1, current_timestamp)\
          """,
          """
          insert into webhook (id, url, events, secret, created_at) values ('%s4', 'https://example.org/', 'job.succeeded',
            'whsec_c3Bpa2V3aXNl', current_timestamp)\
          """
              .formatted(ID),
          """
          insert into webhook_delivery (id, webhook_id, event, body, status, attempts, next_attempt_at, created_at) values
            ('%s6', '%s4', 'job.succeeded', '{}', 'DELIVERED', 1, current_timestamp, current_timestamp)\
          """
              .formatted(ID, ID),
          "insert into sweep (id, name, spec, rounds, created_at) values ('%s5', 'old', '%s', 1, current_timestamp)"
              .formatted(ID, "{\"job\":{\"model\":" + MODEL + "},\"seeds\":[1]}"),
          "insert into sweep_job (sweep_id, combination, round, job_id) values ('%s5', 0, 0, '%s2')"
              .formatted(ID, ID));

  @Test
  void readsDataOfEarlierVersion(@TempDir Path dir) throws Exception {
    upgrade("jdbc:h2:file:" + dir.resolve("spikewise"), "", "", dir);
  }

  @Test
  @Needs(Part.POSTGRES)
  void readsDataOfEarlierVersionOnPostgresql(@TempDir Path dir) throws Exception {
    var database = PostgresDatabase.create();
    upgrade(database.getJdbcUrl(), database.getUsername(), database.getPassword(), dir);
  }

  /**
   * The database that the service of commit 1776735 left when it was killed during a training, and
   * its answers before (src/test/resources/upgrade).
   */
  @Test
  void goesOnWithTheDatabaseOfTheFirstVersion(@TempDir Path dir) throws Exception {
    unpackFirstVersion(dir);
    goOnWithFirstVersion(List.of(), dir);
  }

  @Test
  @Needs(Part.POSTGRES)
  void goesOnWithTheDatabaseOfTheFirstVersionOnPostgresql(@TempDir Path dir) throws Exception {
    unpackFirstVersion(dir);
    var database = PostgresDatabase.create();
    Flyway.configure()
        .dataSource(database.getJdbcUrl(), database.getUsername(), database.getPassword())
        .target("10")
        .load()
        .migrate();
    copy(firstVersion(dir), PostgresDatabase.client(database));
    goOnWithFirstVersion(PostgresDatabase.settings(database), dir);
  }

  private static void unpackFirstVersion(Path dir) throws IOException {
    try (var packed =
        new GZIPInputStream(
            Files.newInputStream(Path.of("src/test/resources/upgrade/first-version.mv.db.gz")))) {
      Files.copy(packed, dir.resolve("spikewise.mv.db"));
    }
  }

  private static JdbcClient firstVersion(Path dir) {
    return JdbcClient.create(
        new DriverManagerDataSource("jdbc:h2:file:" + dir.resolve("spikewise"), "", ""));
  }

  /** Copies all rows, as the service would have written them on PostgreSQL. */
  private static void copy(JdbcClient from, JdbcClient to) {
    for (var table :
        List.of(
            "model",
            "job",
            "job_label",
            "epoch",
            "state_change",
            "checkpoint",
            "sweep",
            "sweep_job",
            "worker")) {
      for (var row : from.sql("select * from " + table).query().listOfRows()) {
        var columns = row.keySet().stream().map(String::toLowerCase).toList();
        to.sql(
                "insert into %s (%s) values (%s)"
                    .formatted(
                        table,
                        String.join(", ", columns),
                        String.join(", ", Collections.nCopies(columns.size(), "?"))))
            .params(row.values().stream().map(UpgradeTest::value).toList())
            .update();
      }
    }
    for (var table : List.of("model", "job", "sweep")) {
      to.sql("alter table " + table + " alter column number restart with 1000").update();
    }
  }

  private static @Nullable Object value(@Nullable Object value) {
    try {
      return value instanceof Clob text ? text.getSubString(1, (int) text.length()) : value;
    } catch (SQLException e) {
      throw new AssertionError(e);
    }
  }

  private static void goOnWithFirstVersion(List<String> database, Path dir) throws Exception {
    var before =
        new JsonMapper()
            .readTree(Files.readString(Path.of("src/test/resources/upgrade/first-version.json")));
    var interrupted = before.get("interrupted").asString();
    var epochs =
        firstVersion(dir)
            .sql(
                "select metrics from epoch where job_id = ? and epoch < (select max(epoch) from"
                    + " checkpoint where job_id = epoch.job_id) order by epoch")
            .param(UUID.fromString(interrupted))
            .query(String.class)
            .list();
    assertThat(epochs).hasSizeGreaterThan(100);
    var arguments = new ArrayList<>(database);
    arguments.addAll(List.of("--server.port=0", "--spikewise.data-dir=" + dir));
    try (var service =
        new SpringApplicationBuilder(SpikewiseApplication.class)
            .run(arguments.toArray(String[]::new))) {
      int port = port(service);
      for (var answer : before.get("answers").properties()) {
        assertContains(json(port, answer.getKey()), answer.getValue(), answer.getKey());
      }
      await(port, "jobs/" + interrupted, "succeeded");
      var after =
          json(port, "jobs/" + interrupted + "/epochs?limit=10000&fields=epoch,loss,accuracy");
      assertThat(after.get("data").valueStream().map(epoch -> epoch.get("epoch").asInt()))
          .isEqualTo(IntStream.range(0, 3000).boxed().toList());
      // Those before the checkpoint are the first version's, the others are trained on.
      for (int i = 0; i < epochs.size(); i++) {
        assertThat(after.at("/data/" + i + "/loss"))
            .isEqualTo(new JsonMapper().readTree(epochs.get(i)).get("loss"));
      }
      assertThat(json(port, "jobs/" + interrupted + "/events?limit=1").get("data")).hasSize(1);
      var last = after.at("/data/2999");
      var undisturbed = before.get("last_epoch_undisturbed");
      assertThat(last.get("accuracy")).isEqualTo(undisturbed.get("accuracy"));
      // The last bits depend on the processor's vector width.
      assertThat(last.get("loss").asDouble())
          .isCloseTo(undisturbed.get("loss").asDouble(), within(1e-4));
    }
  }

  /** What the first version answered is still there; later versions may have added to it. */
  private static void assertContains(JsonNode actual, JsonNode expected, String at) {
    if (expected.isObject()) {
      for (var property : expected.properties()) {
        if (COMPUTED_ANEW.contains(property.getKey())) {
          continue;
        }
        assertThat(actual.has(property.getKey()) || property.getValue().isNull())
            .as(at + " " + property.getKey())
            .isTrue();
        if (actual.has(property.getKey())) {
          assertContains(
              actual.get(property.getKey()), property.getValue(), at + " " + property.getKey());
        }
      }
    } else if (expected.isArray()) {
      assertThat(actual).as(at).hasSameSizeAs(expected);
      for (int i = 0; i < expected.size(); i++) {
        assertContains(actual.get(i), expected.get(i), at + " " + i);
      }
    } else {
      assertThat(actual).as(at).isEqualTo(expected);
    }
  }

  @Test
  void refusesSchemaOfNewerVersion(@TempDir Path dir, CapturedOutput log) {
    var url = "jdbc:h2:file:" + dir.resolve("spikewise");
    Flyway.configure().dataSource(url, "", "").load().migrate();
    JdbcClient.create(new DriverManagerDataSource(url, "", ""))
        .sql(
            """
            insert into "flyway_schema_history" select "installed_rank" + 1, '1000', 'later', 'SQL', 'V1000__later.sql', 1,
              "installed_by", "installed_on", 1, true from "flyway_schema_history" order by "installed_rank" desc limit 1\
            """)
        .update();
    assertThatThrownBy(
        () -> {
          try (var _ =
              new SpringApplicationBuilder(SpikewiseApplication.class)
                  .run("--server.port=0", "--spikewise.data-dir=" + dir)) {}
        });
    assertThat(log)
        .contains("migrated by a newer version of Spikewise", "restore the backup")
        .doesNotContain("\tat ");
  }

  private static final String NEW_JOB =
      """
      {"model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 2}, {"type": "IAF"}]},
       "batch_size": 1, "time_steps": 1, "epochs": 2, "loss": [{"type": "firing_rate", "min": 0.5}]}\
      """;

  /**
   * A rolling upgrade: an old replica goes on while a newer one adds to the schema and stores jobs,
   * models and sweeps with properties that the old one does not know. Both are this build; the
   * newer one has a later version, a migration of its own, and stores what this build cannot read.
   */
  @Test
  @Needs(Part.POSTGRES)
  void oldAndNewReplicasShareADatabase(@TempDir Path dir) throws Exception {
    var database = PostgresDatabase.create();
    var jdbc = PostgresDatabase.client(database);
    Files.writeString(
        dir.resolve("V1000__newer.sql"),
        """
        alter table job add column novelty integer default 7 not null;
        create table novelty (id integer primary key);\
        """);
    try (var old = replica(database, dir, "0.2.0", "--spikewise.jobs.poll=100ms");
        var newer =
            replica(
                database,
                dir,
                "0.3.0",
                "--spikewise.jobs.workers=0",
                "--spikewise.sweeps.poll=1h",
                "--spring.flyway.locations=classpath:db/migration,filesystem:" + dir)) {
      assertThat(jdbc.sql("select count(*) from novelty").query(Long.class).single()).isZero();
      int oldPort = port(old);
      int newPort = port(newer);
      var job = id(newPort, "jobs", NEW_JOB);
      var model = id(newPort, "models", MODEL);
      var sweep = id(newPort, "sweeps", "{\"job\": " + NEW_JOB + ", \"seeds\": [1]}");
      // Now the newer process is really newer.
      jdbc.sql("update job_spec set content = '{\"novelty\": 1}'").update();
      jdbc.sql("update model set definition = '{\"novelty\": 1}'").update();
      jdbc.sql("update sweep set rounds = 2").update();
      var member = jdbc.sql("select job_id from sweep_job").query(String.class).single();

      var own = id(oldPort, "jobs", NEW_JOB);
      await(oldPort, "jobs/" + own, "succeeded");
      var another = id(oldPort, "jobs", NEW_JOB);
      await(oldPort, "jobs/" + another, "succeeded");
      // Meanwhile its worker has passed by the others, which are older.
      for (var waiting : List.of(job, member)) {
        assertThat(json(oldPort, "jobs/" + waiting).get("status").asString()).isEqualTo("queued");
        assertThat(json(oldPort, "jobs/" + waiting).at("/queue/waiting_for").asString())
            .contains("version 0.3", "no worker has a version above 0.2");
      }
      jdbc.sql("update job set status = 'SUCCEEDED' where id = cast(? as uuid)")
          .param(member)
          .update();
      var third = id(oldPort, "jobs", NEW_JOB);
      await(oldPort, "jobs/" + third, "succeeded");
      Thread.sleep(1000);
      assertThat(jdbc.sql("select count(*) from sweep_job").query(Long.class).single())
          .as("the next round is the newer replica's")
          .isOne();
      assertThat(json(oldPort, "models/" + model).get("id").asString()).isEqualTo(model);
      assertThat(json(oldPort, "sweeps/" + sweep).get("id").asString()).isEqualTo(sweep);
      var onNewModel =
          post(
              oldPort,
              "jobs",
              NEW_JOB.replaceFirst(
                  "\"model\": \\{.*}]}", "\"model\": {\"id\": \"" + model + "\"}"));
      assertThat(onNewModel.statusCode()).as(onNewModel.body()).isEqualTo(503);
      assertThat(onNewModel.body())
          .contains("was stored by version 0.3, and this process has version 0.2");
      // What the old one stored is the newer one's too.
      assertThat(json(newPort, "jobs/" + own).get("status").asString()).isEqualTo("succeeded");
    }
  }

  private static ConfigurableApplicationContext replica(
      JdbcConnectionDetails database, Path dir, String version, String... settings) {
    var arguments = new ArrayList<>(PostgresDatabase.settings(database));
    arguments.addAll(
        List.of(
            "--server.port=0",
            "--spikewise.data-dir=" + dir,
            "--spring.application.version=" + version));
    arguments.addAll(List.of(settings));
    return new SpringApplicationBuilder(SpikewiseApplication.class)
        .run(arguments.toArray(String[]::new));
  }

  private static int port(ConfigurableApplicationContext replica) {
    return replica.getEnvironment().getRequiredProperty("local.server.port", Integer.class);
  }

  private static String id(int port, String collection, String body) throws Exception {
    var answer = post(port, collection, body);
    assertThat(answer.statusCode()).as(answer.body()).isBetween(201, 202);
    return new JsonMapper().readTree(answer.body()).get("id").asString();
  }

  private static HttpResponse<String> post(int port, String collection, String body)
      throws Exception {
    try (var client = HttpClient.newHttpClient()) {
      var request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/v1/" + collection))
              .header("Content-Type", "application/json")
              .POST(HttpRequest.BodyPublishers.ofString(body))
              .build();
      return client.send(request, BodyHandlers.ofString());
    }
  }

  private static void upgrade(String url, String user, String password, Path dir) throws Exception {
    Flyway.configure().dataSource(url, user, password).target(EARLIER).load().migrate();
    var jdbc = JdbcClient.create(new DriverManagerDataSource(url, user, password));
    fill(jdbc);
    var before = rows(jdbc);
    assertThat(before).hasSizeGreaterThan(13).doesNotContainValue(0L);

    Flyway.configure().dataSource(url, user, password).load().migrate();
    assertThat(rows(jdbc)).containsAllEntriesOf(before);
    for (var table : List.of("model", "job", "dataset", "sweep", "webhook")) {
      assertThat(jdbc.sql("select tenant from " + table).query(String.class).list())
          .as(table)
          .isNotEmpty()
          .containsOnly("");
    }
    try (var service =
        new SpringApplicationBuilder(SpikewiseApplication.class)
            .run(
                "--server.port=0",
                "--spring.datasource.url=" + url,
                "--spring.datasource.username=" + user,
                "--spring.datasource.password=" + password,
                "--spikewise.data-dir=" + dir)) {
      isThere(service.getEnvironment().getRequiredProperty("local.server.port", Integer.class));
    }
  }

  private static void fill(JdbcClient jdbc) throws IOException {
    ROWS.forEach(row -> jdbc.sql(row).update());
    var weights = new StateDict(Map.of("1.weight", new Tensor(new int[] {2, 4}, new float[8])));
    jdbc.sql("insert into model_weights (model_id, npz) values ('" + ID + "1', ?)")
        .param(Weights.writeNpz(weights))
        .update();
    jdbc.sql(
            """
            insert into checkpoint (job_id, epoch, content, statistics, created_at)
            values ('%s2', 1, ?, null, current_timestamp)\
            """
                .formatted(ID))
        .param(Files.readAllBytes(Path.of("src/test/resources/checkpoint/version-2.bin")))
        .update();
    var chunk =
        "insert into dataset_chunk (dataset_id, part, number, content) values ('d', ?, 0, ?)";
    jdbc.sql(chunk)
        .params("images", new byte[] {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4})
        .update();
    jdbc.sql(chunk).params("labels", new byte[] {0, 0, 8, 1, 0, 0, 0, 1, 0}).update();
  }

  /** How many rows each table of ours has. */
  private static Map<String, Long> rows(JdbcClient jdbc) {
    var rows = new TreeMap<String, Long>();
    jdbc
        .sql(
            "select lower(table_name) from information_schema.tables where lower(table_schema) ="
                + " 'public'")
        .query(String.class)
        .list()
        .stream()
        .filter(table -> !table.startsWith("flyway"))
        .forEach(
            table ->
                rows.put(
                    table, jdbc.sql("select count(*) from " + table).query(Long.class).single()));
    return rows;
  }

  private static void isThere(int port) throws Exception {
    var job = json(port, "jobs/" + ID + 2);
    assertThat(job.get("status").asString()).isEqualTo("succeeded");
    assertThat(job.at("/labels/git_sha").asString()).isEqualTo("abc");
    assertThat(json(port, "jobs/" + ID + 2 + "/epochs").at("/data/0/synops").asDouble())
        .isEqualTo(8);
    assertThat(json(port, "jobs/" + ID + 2 + "/events").at("/data")).hasSize(2);
    // Beside what the waiting job may have sent already.
    assertThat(get(port, "webhooks/" + ID + 4 + "/deliveries")).contains(ID + 6);
    for (var path :
        List.of("models/" + ID + 1, "datasets/d", "webhooks/" + ID + 4, "sweeps/" + ID + 5)) {
      assertThat(json(port, path).has("created_at")).as(path).isTrue();
    }
    assertThat(get(port, "models/" + ID + 1 + "/weights")).contains("1.weight");
    assertThat(get(port, "jobs/" + ID + 2 + "/weights")).contains(".weight");
    // What waited is trained, with the weights and the data set of then.
    await(port, "jobs/" + ID + 3, "succeeded");
  }

  private static JsonNode await(int port, String path, String status) throws Exception {
    var job = json(port, path);
    long end = System.nanoTime() + 60_000_000_000L;
    while (!job.get("status").asString().equals(status)) {
      assertThat(System.nanoTime()).as(job.toPrettyString()).isLessThan(end);
      Thread.sleep(50);
      job = json(port, path);
    }
    return job;
  }

  private static JsonNode json(int port, String path) throws IOException, InterruptedException {
    return new JsonMapper().readTree(get(port, path));
  }

  private static String get(int port, String path) throws IOException, InterruptedException {
    try (var client = HttpClient.newHttpClient()) {
      var place = URI.create("http://127.0.0.1:" + port + "/api/v1/" + path);
      var answer = client.send(HttpRequest.newBuilder(place).build(), BodyHandlers.ofString());
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      return answer.body();
    }
  }
}
