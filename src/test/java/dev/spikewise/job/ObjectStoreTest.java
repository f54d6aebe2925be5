package dev.spikewise.job;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.S3Server;
import dev.spikewise.dataset.Datasets;
import dev.spikewise.job.Checkpoints.Snapshot;
import dev.spikewise.model.ModelPatch;
import dev.spikewise.model.Models;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.snn.Analysis;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.Content;
import dev.spikewise.store.DamagedContentException;
import dev.spikewise.store.LargeObjects;
import dev.spikewise.store.LargeObjects.Operation;
import dev.spikewise.store.ObjectStoreException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import tools.jackson.databind.json.JsonMapper;

/** Large contents in an S3-compatible store. Jobs are trained by the threads of the tests. */
@SpringBootTest(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:objects;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/test-data",
      "spikewise.jobs.workers=0",
      "spikewise.jobs.poll=1h",
      "spikewise.jobs.lease=1h",
      "spikewise.jobs.rest=0s",
      "spikewise.objects.interval=200ms"
    })
class ObjectStoreTest {

  @TempDir static Path dir;
  private static S3Server server;

  @Autowired Jobs jobs;
  @Autowired JobResults results;
  @Autowired Leases leases;
  @Autowired Checkpoints checkpoints;
  @Autowired Inputs inputs;
  @Autowired Provenances provenances;
  @Autowired JobSettings settings;
  @Autowired Datasets datasets;
  @Autowired Models models;
  @Autowired LargeObjects objects;
  @Autowired HealthIndicator objectStoreHealth;
  @Autowired JdbcClient database;
  @Autowired JsonMapper json;

  private static int uploads;
  private String dataset;

  @DynamicPropertySource
  static void settings(DynamicPropertyRegistry registry) {
    server = new S3Server(dir);
    for (var setting : server.settings()) {
      int at = setting.indexOf('=');
      registry.add(setting.substring(0, at), () -> setting.substring(at + 1));
    }
  }

  @AfterAll
  static void close() {
    server.close();
  }

  @BeforeEach
  void upload() {
    dataset =
        datasets
            .create(
                "two",
                Map.of(
                    "images", new ByteArrayResource(idx(255 - ++uploads, 8, 1, 2)),
                    "labels", new ByteArrayResource(idx(1, 8))))
            .info()
            .id();
  }

  /** Bytes 0, {@code odd}, 0, {@code odd}... as an IDX file. */
  private static byte[] idx(int odd, int... shape) {
    int size = 1;
    var bytes = ByteBuffer.allocate(32).putInt(8 << 8 | shape.length);
    for (int n : shape) {
      bytes.putInt(n);
      size *= n;
    }
    for (int i = 0; i < size; i++) {
      bytes.put((byte) (i % 2 * odd));
    }
    return Arrays.copyOf(bytes.array(), bytes.position());
  }

  @AfterEach
  void nothingRemainsOfWhatIsDeleted() throws Exception {
    for (var table : List.of("job", "job_spec", "job_model", "job_weights", "model", "dataset")) {
      database.sql("delete from " + table).update();
    }
    await(() -> database.sql("select count(*) from stored_object").query(Long.class).single() == 0);
    assertThat(server.objects()).isEmpty();
  }

  private static void await(Callable<Boolean> condition) throws Exception {
    long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!condition.call()) {
      assertThat(System.nanoTime()).isLessThan(end);
      Thread.sleep(20);
    }
  }

  private UUID submit(int epochs) {
    var spec =
        """
        {"model": {"input_shape": [1, 1, 2], "layers": [{"type": "Flatten"},
           {"type": "Linear", "out_features": 32}, {"type": "IAF"}, {"type": "Linear", "out_features": 2},
           {"type": "IAF"}]},
         "input": {"type": "dataset", "id": "%s"}, "batch_size": 8, "time_steps": 8, "epochs": %d, "seed": 1,
         "checkpoint_every_epochs": 1, "loss": [{"type": "cross_entropy"}]}\
        """
            .formatted(dataset, epochs);
    return jobs.submit(json.readValue(spec, TrainingSpec.class)).id();
  }

  private JobRunner runner(String owner) {
    return new JobRunner(
        leases.claim(owner).orElseThrow(),
        System.nanoTime(),
        leases,
        checkpoints,
        inputs,
        provenances,
        settings);
  }

  private JobState trained(UUID job) {
    runner("a").run();
    var ended = jobs.get(job);
    assertThat(ended.error()).isNull();
    return ended.status();
  }

  private long inDatabase() {
    return database
        .sql(
            """
            select (select count(*) from dataset_chunk) + (select count(*) from checkpoint where content is not null)
              + (select count(*) from model_weights where npz is not null)\
            """)
        .query(Long.class)
        .single();
  }

  @Test
  void largeContentsAreObjects() {
    var job = submit(3);
    assertThat(trained(job)).isEqualTo(JobState.SUCCEEDED);
    var model = models.createFromJob(job, ModelPatch.NONE);
    assertThat(inDatabase()).isZero();
    assertThat(server.objects()).hasSizeGreaterThanOrEqualTo(4);
    assertThat(server.objects().stream().map(file -> file.getFileName().toString()))
        .allMatch(name -> name.startsWith("unit-"));
    assertThat(models.network(model.id()).weights().tensors().keySet())
        .isEqualTo(results.reached(job).weights().tensors().keySet());
    assertThat(
            jobs.submit(
                json.readValue(
                    """
                    {"model": {"id": "%s"}, "input": {"type": "dataset", "id": "%s"}, "batch_size": 8, "time_steps": 2,
                     "epochs": 1, "loss": [{"type": "cross_entropy"}]}\
                    """
                        .formatted(model.id(), dataset),
                    TrainingSpec.class)))
        .isNotNull();
  }

  @Test
  void dataSetIsReadOnceHoweverManyJobsTrainOnIt() throws Exception {
    long before = objects.completed(Operation.GET);
    var together = new CyclicBarrier(3);
    try (var threads = Executors.newFixedThreadPool(3)) {
      Callable<byte[]> reading =
          () -> {
            together.await();
            return datasets.picture(dataset, 0);
          };
      for (var read : threads.invokeAll(List.of(reading, reading, reading))) {
        assertThat(read.get()).isNotEmpty();
      }
    }
    var first = submit(1);
    submit(1);
    submit(1);
    var runners = List.of(runner("a"), runner("a"), runner("a"));
    try (var threads = Executors.newFixedThreadPool(3)) {
      for (var running : runners.stream().map(runner -> threads.submit(runner::run)).toList()) {
        running.get();
      }
    }
    assertThat(jobs.get(first).status()).isEqualTo(JobState.SUCCEEDED);
    // Its two files; checkpoints are written only.
    assertThat(objects.completed(Operation.GET) - before).isEqualTo(2);
  }

  @Test
  void checkpointOfLostLeaseIsDeletedAndChangesNothing() throws Exception {
    var job = submit(2);
    var loser = leases.claim("a").orElseThrow().lease();
    leases.reapAll();
    assertThat(trained(job)).isEqualTo(JobState.SUCCEEDED);
    var before = results.reached(job).weights().tensors();
    int present = server.objects().size();

    var late =
        new Snapshot(
            checkpoints.latest(job).orElseThrow(),
            new Analysis(results.statistics(job), Map.of(), null));
    assertThatThrownBy(() -> leases.progress(loser, List.of(), late, Duration.ZERO))
        .isInstanceOf(Lease.Lost.class);
    assertThat(server.objects()).as("written before the lease was checked").hasSize(present + 1);
    age();
    await(() -> server.objects().size() <= present);
    assertThat(results.reached(job).weights().tensors().keySet()).isEqualTo(before.keySet());
  }

  /** Makes interrupted uploads older than the time that they may take. */
  private void age() {
    database.sql("update stored_object set created_at = created_at - interval '2' hour").update();
  }

  @Test
  void objectOfKilledProcessIsDeletedOnlyAfterTheGraceTime() throws Exception {
    var content = objects.put("a checkpoint whose process was killed".getBytes(UTF_8));
    Thread.sleep(500);
    assertThat(objects.read(content)).asString().startsWith("a checkpoint");
    age();
    await(
        () ->
            database
                    .sql("select count(*) from stored_object where id = ?")
                    .param(content.object())
                    .query(Long.class)
                    .single()
                == 0);
    assertThatThrownBy(() -> objects.read(content)).isInstanceOf(DamagedContentException.class);
  }

  @Test
  void jobWaitsForAnUnreachableStore() throws Exception {
    var job = submit(30);
    try (var thread = Executors.newSingleThreadExecutor()) {
      var runner = runner("a");
      datasets.picture(dataset, 0);
      server.stop();
      try {
        var running = thread.submit(runner::run);
        // Epochs that were trained before the first checkpoint may already be stored.
        assertThatThrownBy(() -> objects.put(new byte[1]))
            .isInstanceOf(ObjectStoreException.class)
            .hasMessageContaining("the bucket spikewise cannot be written");
        await(() -> objectStoreHealth.health().getStatus().equals(Status.DOWN));
        assertThat(running).isNotDone();
        server.start();
        running.get();
      } finally {
        server.stop();
        server.start();
      }
    }
    assertThat(jobs.get(job).status()).isEqualTo(JobState.SUCCEEDED);
    assertThat(results.reached(job).epoch()).isEqualTo(30);
    await(() -> objectStoreHealth.health().getStatus().equals(Status.UP));
    age();
  }

  @Test
  void damagedOrMissingObjectIsReported() throws Exception {
    var job = submit(1);
    assertThat(trained(job)).isEqualTo(JobState.SUCCEEDED);
    var object =
        database.sql("select object_id from checkpoint").query(UUID.class).single().toString();
    var file =
        server.objects().stream().filter(path -> path.toString().contains(object)).findFirst();
    var path = file.orElseThrow();
    byte[] bytes = Files.readAllBytes(path);
    bytes[bytes.length - 1] ^= 1;
    Files.write(path, bytes);
    assertThatThrownBy(() -> results.reached(job))
        .isInstanceOf(DamagedContentException.class)
        .hasMessageContaining("is damaged");
    Files.delete(path);
    assertThatThrownBy(() -> results.reached(job))
        .isInstanceOf(DamagedContentException.class)
        .hasMessageContaining("is missing");
  }

  @Test
  void contentsInTheDatabaseStayReadable() {
    var bytes = new byte[] {1, 2};
    assertThat(objects.read(new Content(bytes, null))).isEqualTo(bytes);
    datasets.delete(dataset, IfMatch.NONE);
  }
}
