package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.zip.ZipFile;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The client jar that the build makes, used on this service as the guide shows. */
class JavaClientTest extends ServiceTest {

  private static final Pattern EXAMPLE = Pattern.compile("(?s)```java\n(.*?)```");

  private static final String UPLOAD =
      """
      import dev.spikewise.client.ApiClient;
      import dev.spikewise.client.ApiException;
      import dev.spikewise.client.api.*;
      import java.io.File;
      import java.util.UUID;

      public class Upload {
        public static void main(String[] args) throws Exception {
          var client = new ApiClient();
          client.updateBaseUri("http://localhost:8080");
          var stored = new DatasetsApi(client).createDataset(
              DatasetsApi.APICreateDatasetRequest.newBuilder()
                  .name("from Java").images(new File(args[0])).labels(new File(args[1])).build());
          System.out.println(stored.getName() + " " + stored.getSamples());
          try {
            new JobsApi(client).getJob(new UUID(0, 0), null, null, null);
          } catch (ApiException e) {
            System.out.println(e.getCode() + " " + e.getResponseBody());
          }
        }
      }
      """;

  private static Path jar;

  @TempDir Path folder;

  @Test
  void exampleOfTheGuideSubmitsWaitsAndReadsEpochs() throws Exception {
    var guide = Files.readString(Path.of("src/docs/guides/api.md"));
    var example = EXAMPLE.matcher(guide).results().findFirst().orElseThrow().group(1);
    // The service of this process logs to the same stream, as text or as JSON.
    var printed =
        run("Train", example)
            .lines()
            .filter(line -> !line.contains("[spikewise]") && !line.startsWith("{\"@timestamp\""));
    assertThat(printed.toList())
        .hasSize(3)
        .satisfies(
            lines -> {
              assertThat(lines.get(0)).isEqualTo("succeeded");
              assertThat(lines.get(1)).startsWith("epoch 0: loss ");
              assertThat(lines.get(2)).startsWith("epoch 1: loss ");
            });
  }

  @Test
  void uploadsFilesAndReportsProblems() throws Exception {
    var images =
        Files.write(
            folder.resolve("images"),
            new byte[] {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 9});
    var labels = Files.write(folder.resolve("labels"), new byte[] {0, 0, 8, 1, 0, 0, 0, 2, 0, 1});
    assertThat(run("Upload", UPLOAD, images.toString(), labels.toString()))
        .contains("from Java 2", "404", "\"code\":\"not_found\"");
  }

  @Test
  void pomInTheJarListsItsLibraries() throws Exception {
    try (var zip = new ZipFile(jar().toFile())) {
      var entry = zip.getEntry("META-INF/maven/dev.spikewise/spikewise-client/pom.xml");
      var pom = new String(zip.getInputStream(entry).readAllBytes(), StandardCharsets.UTF_8);
      assertThat(pom).contains("<artifactId>jackson-databind</artifactId><version>3.");
    }
    // The example fails without them: the jar has nothing of the service in it.
    try (var loader = new URLClassLoader(new URL[] {jar().toUri().toURL()}, null)) {
      assertThatThrownBy(() -> loader.loadClass("dev.spikewise.api.ServiceTest"))
          .isInstanceOf(ClassNotFoundException.class);
    }
  }

  /** Output of a program that is compiled with the client and run. */
  private String run(String name, String program, String... arguments) throws Exception {
    var source = folder.resolve(name + ".java");
    Files.writeString(source, program.replace("localhost:8080", "127.0.0.1:" + port));
    var path = jar() + File.pathSeparator + System.getProperty("java.class.path");
    var errors = new ByteArrayOutputStream();
    int code =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                errors,
                "-proc:none",
                "-nowarn",
                "-cp",
                path,
                "-d",
                folder.toString(),
                source.toString());
    assertThat(code).as(errors.toString(StandardCharsets.UTF_8)).isZero();
    var urls = new URL[] {folder.toUri().toURL(), jar().toUri().toURL()};
    var printed = new ByteArrayOutputStream();
    var out = System.out;
    try (var loader = new URLClassLoader(urls, getClass().getClassLoader())) {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      loader.loadClass(name).getMethod("main", String[].class).invoke(null, (Object) arguments);
    } finally {
      System.setOut(out);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  /** The jar of the build, made anew when it is older than its sources. */
  private Path jar() throws IOException, InterruptedException {
    if (jar != null) {
      return jar;
    }
    var log = folder.resolve("client.log");
    var process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "src/client/java/ClientJar.java",
                "src/docs/reference/openapi.json",
                "target/openapi/generator.jar",
                "0.1.0-SNAPSHOT",
                "target/client-java")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    boolean ended = process.waitFor(10, TimeUnit.MINUTES);
    process.destroyForcibly();
    var lines = Files.readAllLines(log);
    assertThat(ended && process.exitValue() == 0).as(lines.toString()).isTrue();
    jar = Path.of(lines.getLast());
    return jar;
  }
}
