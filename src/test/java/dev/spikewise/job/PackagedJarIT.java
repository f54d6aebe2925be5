package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The jar that {@code mvn package} leaves, started by a plain {@code java -jar}. */
class PackagedJarIT {

  private static final String JAR = System.getProperty("spikewise.jar");
  private static final Path JAVA_HOME = Path.of(System.getProperty("java.home"));

  @TempDir Path dir;

  @Test
  void trainsAtFullSpeedInTheProcessThatWasStarted() throws Exception {
    var data = Files.createDirectory(dir.resolve("a folder, größer"));
    var program = List.of(java(JAVA_HOME), "-Dspikewise.jobs.workers=2", "-jar", JAR);
    var environment = Map.of("JDK_JAVA_OPTIONS", "-Xmx700m");
    try (var service = ServiceProcess.launch(program, data, List.of(), environment)) {
      service.awaitReadiness();
      var job = trainTutorial(service);
      assertThat(job.at("/provenance/kernels").asString()).startsWith("vector-");
      assertThat(ProcessHandle.of(service.pid()).orElseThrow().children()).isEmpty();
      assertThat(service.metric("spikewise_worker_slots")).isEqualTo(2);
      assertThat(service.metric("jvm_memory_max_bytes{area=\"heap\"")).isLessThan(800e6);
      assertThat(service.log()).doesNotContain(" WARN ");

      service.signal("QUIT");
      while (!service.log().contains("Full thread dump")) {
        Thread.sleep(20);
      }
      service.terminate();
      assertThat(service.end()).isEqualTo(143);
    }
  }

  @Test
  void trainsWithScalarKernelsOnARuntimeWithoutTheVectorApi() throws Exception {
    var runtime = dir.resolve("runtime");
    run(
        JAVA_HOME.resolve("bin/jlink").toString(),
        "--add-modules=java.se,jdk.jfr,jdk.management,jdk.net,jdk.unsupported,jdk.zipfs",
        "--output=" + runtime);
    var program = List.of(java(runtime), "-jar", JAR);
    try (var service = ServiceProcess.launch(program, dir, List.of(), Map.of())) {
      service.awaitReadiness();
      assertThat(trainTutorial(service).at("/provenance/kernels").asString()).isEqualTo("scalar");
      assertThat(service.log().lines().filter(line -> line.contains(" WARN ")))
          .singleElement()
          .asString()
          .contains(
              "scalar kernels", "use a Java runtime that has the module jdk.incubator.vector");
    }
  }

  /** What the JVM was given as a pipe, as by a shell's {@code <(...)}, is still open. */
  @Test
  void commandReadsPipesAndReturnsItsExitCode() throws Exception {
    var job = Files.writeString(dir.resolve("job.json"), tutorial());
    var out = dir.resolve("out");
    var process =
        new ProcessBuilder(
                "bash",
                "-c",
                "exec \"$0\" -jar \"$1\" train <(cat \"$2\") --gate 'synops<=1'",
                java(JAVA_HOME),
                JAR,
                job.toString())
            .redirectOutput(out.toFile())
            .redirectError(dir.resolve("err").toFile())
            .start();
    assertThat(process.waitFor()).as(Files.readString(dir.resolve("err"))).isEqualTo(1);
    var end = new JsonMapper().readTree(Files.readString(out));
    assertThat(end.at("/provenance/kernels").asString()).startsWith("vector-");
  }

  private static JsonNode trainTutorial(ServiceProcess service)
      throws IOException, InterruptedException {
    var dry = service.post("/api/v1/jobs?dry_run=true", tutorial());
    assertThat(dry.statusCode()).as(dry.body()).isEqualTo(200);
    return service.await(
        service.submit(tutorial()), job -> job.get("status").asString().equals("succeeded"));
  }

  /** The tutorial's job, with as many epochs as scalar kernels train in a few seconds. */
  private static String tutorial() throws IOException {
    var job = Files.readString(Path.of("src/main/resources/tutorial.json"));
    var shortJob = job.replace("\"epochs\": 100", "\"epochs\": 2");
    assertThat(shortJob).isNotEqualTo(job);
    return shortJob;
  }

  private static String java(Path home) {
    return home.resolve("bin/java").toString();
  }

  private void run(String... command) throws IOException, InterruptedException {
    var log = dir.resolve("command.log");
    var process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(log)).isZero();
  }
}
