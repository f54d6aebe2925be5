package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.List;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A database of an earlier version, with what it holds, is migrated and read. */
class UpgradeTest {

  private static final String EARLIER = "7";
  private static final String ID = "00000000-0000-0000-0000-00000000000";

  private static final String MODEL =
      "{\"name\":\"old\",\"input_shape\":[4],\"layers\":[{\"type\":\"Linear\",\"out_features\":2,\"bias\":false},"
          + "{\"type\":\"IAF\"}]}";

  /** As version 7 stored them. */
  private static final List<String> ROWS =
      List.of(
          "insert into model (id, name, definition, created_at) values ('"
              + (ID + 1)
              + "', 'old', '"
              + MODEL
              + "', current_timestamp)",
          """
          insert into job (id, version, name, status, reason, spec, model_id, model, priority, attempt, epoch, created_at,
            updated_at, due_at, finished_at, active_ms, state_changes, fence, losses)
          values ('%s', 3, 'old', 'SUCCEEDED', 'COMPLETED', '{"model":{"id":"%s"},"epochs":1,"batch_size":1}', '%s', '%s', 0,
            1, 1, current_timestamp, current_timestamp, current_timestamp, current_timestamp, 5, 2, 1, 0)\
          """
              .formatted(ID + 2, ID + 1, ID + 1, MODEL),
          "insert into job_label (job_id, label, content) values ('"
              + ID
              + 2
              + "', 'git_sha', 'abc')",
          """
          insert into job (id, version, name, status, spec, model_id, model, priority, attempt, epoch, created_at,
            updated_at, due_at, active_ms, state_changes, fence, losses)
          values ('%s', 0, 'waiting', 'QUEUED', '{"model":{"id":"%s"},"epochs":2}', '%s', '%s', 0,
            1, 0, current_timestamp, current_timestamp, current_timestamp, 0, 0, 0, 0)\
          """
              .formatted(ID + 3, ID + 1, ID + 1, MODEL),
          "insert into dataset (id, name, samples, shape, time_steps, classes, created_at)"
              + " values ('d', 'old', 1, '1,1,1', 0, 1, current_timestamp)",
          "insert into webhook (id, url, events, secret, created_at) values ('"
              + ID
              + "4', 'https://example.org/', 'job.succeeded', 'whsec_x', current_timestamp)",
          "insert into sweep (id, name, spec, rounds, created_at) values ('"
              + ID
              + "5', 'old', '{\"job\":{\"model\":"
              + MODEL
              + "},\"seeds\":[1]}', 1, current_timestamp)",
          "insert into sweep_job (sweep_id, combination, round, job_id) values ('"
              + ID
              + "5', 0, 0, '"
              + ID
              + "2')");

  private static JdbcClient earlier(String url, String user, String password) {
    Flyway.configure().dataSource(url, user, password).target(EARLIER).load().migrate();
    var jdbc = JdbcClient.create(new DriverManagerDataSource(url, user, password));
    ROWS.forEach(row -> jdbc.sql(row).update());
    return jdbc;
  }

  @Test
  void whatAnEarlierVersionStoredIsThere(@TempDir Path dir) throws Exception {
    var url = "jdbc:h2:file:" + dir.resolve("spikewise");
    earlier(url, "", "");
    try (var service =
        new SpringApplicationBuilder(SpikewiseApplication.class)
            .run(
                "--server.port=0",
                "--spring.datasource.url=" + url,
                "--spikewise.data-dir=" + dir)) {
      int port = service.getEnvironment().getRequiredProperty("local.server.port", Integer.class);
      var job = get(port, "jobs/" + ID + 2);
      assertThat(job.get("status").asString()).isEqualTo("succeeded");
      assertThat(job.at("/labels/git_sha").asString()).isEqualTo("abc");
      for (var path :
          List.of("models/" + ID + 1, "datasets/d", "webhooks/" + ID + 4, "sweeps/" + ID + 5)) {
        assertThat(get(port, path).has("created_at")).as(path).isTrue();
      }
      // What waited is trained.
      var waiting = get(port, "jobs/" + ID + 3);
      long end = System.nanoTime() + 60_000_000_000L;
      while (!waiting.get("status").asString().equals("succeeded")) {
        assertThat(System.nanoTime()).as(waiting.toPrettyString()).isLessThan(end);
        Thread.sleep(50);
        waiting = get(port, "jobs/" + ID + 3);
      }
    }
  }

  @Test
  @Tag("docker")
  void postgresqlIsMigratedWithWhatItHolds() {
    var database = PostgresDatabase.create();
    var jdbc = earlier(database.getJdbcUrl(), database.getUsername(), database.getPassword());
    Flyway.configure()
        .dataSource(database.getJdbcUrl(), database.getUsername(), database.getPassword())
        .load()
        .migrate();
    for (var table : List.of("model", "job", "dataset", "sweep", "webhook")) {
      assertThat(jdbc.sql("select tenant from " + table).query(String.class).list())
          .as(table)
          .isNotEmpty()
          .containsOnly("");
    }
  }

  private static JsonNode get(int port, String path) throws IOException, InterruptedException {
    try (var client = HttpClient.newHttpClient()) {
      var place = URI.create("http://127.0.0.1:" + port + "/api/v1/" + path);
      var answer = client.send(HttpRequest.newBuilder(place).build(), BodyHandlers.ofString());
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      return new JsonMapper().readTree(answer.body());
    }
  }
}
