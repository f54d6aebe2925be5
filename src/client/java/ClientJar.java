import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.tools.ToolProvider;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Generates the Java client from the OpenAPI document, compiles it and packs it: {@code java -cp
 * CLASSPATH ClientJar.java DOCUMENT GENERATOR VERSION FOLDER}. Does nothing when the jar in FOLDER
 * was made from the same files. The class path has Jackson and the annotations that the client
 * uses. The same sources give the same bytes.
 */
final class ClientJar {

  private static final String PACKAGE = "dev.spikewise.client";
  private static final Path HAND_WRITTEN = Path.of("src/client/java");

  /** The libraries of the class path that the client needs, which its POM lists. */
  private static final Map<String, String> LIBRARIES =
      Map.of(
          "jackson-databind-(3[0-9.]+)\\.jar", "tools.jackson.core:jackson-databind",
          "jakarta\\.annotation-api-([0-9.]+)\\.jar", "jakarta.annotation:jakarta.annotation-api");

  private ClientJar() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    var document = Path.of(args[0]).toAbsolutePath();
    var generator = Path.of(args[1]).toAbsolutePath();
    var version = args[2];
    var jar = Path.of(args[3], "spikewise-client-" + version + ".jar").toAbsolutePath();
    var work = Path.of(args[3], "client").toAbsolutePath();
    var stamp = work.resolve("stamp");
    var sources = digest(document, generator, version);
    System.out.println(jar);
    if (Files.exists(jar) && Files.exists(stamp) && Files.readString(stamp).equals(sources)) {
      return;
    }
    Files.deleteIfExists(stamp);
    delete(work);
    Files.createDirectories(work.resolve("classes"));
    generate(withPlainTypes(document, version), generator, work);
    compile(work);
    pack(work.resolve("classes"), version, jar);
    Files.writeString(stamp, sources);
  }

  /**
   * The document with any value where one of several plain types is possible, such as a number or a
   * list of numbers: the generated code of such a choice does not compile, and an Object needs no
   * wrapper. A response that is JSON or something else is JSON, because the generated code reads
   * nothing else as an object.
   */
  private static String withPlainTypes(Path document, String version) {
    var json = new ObjectMapper();
    var root = (ObjectNode) json.readTree(document);
    ((ObjectNode) root.get("info")).put("version", version);
    widen(root);
    return json.writeValueAsString(root);
  }

  private static void widen(JsonNode node) {
    if (node instanceof ObjectNode object && object.has("oneOf") && !object.has("discriminator")) {
      object.remove(List.of("oneOf", "type"));
    }
    if (node.get("content") instanceof ObjectNode types && types.has("application/json")) {
      types.retain("application/json");
    }
    node.forEach(ClientJar::widen);
  }

  private static void generate(String document, Path generator, Path work)
      throws IOException, InterruptedException {
    Files.writeString(work.resolve("openapi.json"), document);
    Files.writeString(
        work.resolve("generator.json"),
        """
        {"inputSpec": "openapi.json", "outputDir": ".", "generatorName": "java", "library": "native",
         "globalProperties": {"apiDocs": "false", "modelDocs": "false", "apiTests": "false", "modelTests": "false"},
         "additionalProperties": {"apiPackage": "%1$s.api", "modelPackage": "%1$s.model", "invokerPackage": "%1$s",
           "openApiNullable": "false", "useJackson3": "true", "useJakartaEe": "true", "hideGenerationTimestamp": "true",
           "enumUnknownDefaultCase": "true", "useOneOfDiscriminatorLookup": "true", "useSingleRequestParameter": "true"}}
        """
            .formatted(PACKAGE));
    var log = work.resolve("generator.log");
    int code =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-jar",
                generator.toString(),
                "batch",
                "--fail-fast",
                "generator.json")
            .directory(work.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start()
            .waitFor();
    if (code != 0) {
      throw new IOException("The generator failed:\n" + Files.readString(log));
    }
  }

  private static void compile(Path work) throws IOException {
    var arguments =
        new ArrayList<>(List.of("-proc:none", "-nowarn", "-g:none", "--release", "17", "-cp"));
    arguments.add(System.getProperty("java.class.path"));
    arguments.addAll(List.of("-d", work.resolve("classes").toString()));
    for (Path source : javaFiles(work.resolve("src/main/java"))) {
      // See MultipartEntityBuilder.
      var text =
          Files.readString(source)
              .replace(
                  "import org.apache.http.entity.mime.MultipartEntityBuilder;",
                  "import %1$s.MultipartEntityBuilder;\nimport %1$s.MultipartEntityBuilder.HttpEntity;"
                      .formatted(PACKAGE))
              .replaceAll("import org\\.apache\\.http\\..*;\n", "");
      Files.writeString(source, text);
      arguments.add(source.toString());
    }
    javaFiles(HAND_WRITTEN.resolve("dev")).forEach(file -> arguments.add(file.toString()));
    var errors = new ByteArrayOutputStream();
    int code =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, errors, arguments.toArray(String[]::new));
    if (code != 0) {
      throw new IOException("The client does not compile:\n" + errors);
    }
  }

  private static List<Path> javaFiles(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    }
  }

  private static void pack(Path classes, String version, Path jar) throws IOException {
    var entries = new TreeMap<String, byte[]>();
    try (var files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        var name = classes.relativize(file).toString().replace('\\', '/');
        entries.put(name, Files.readAllBytes(file));
      }
    }
    // mvn install:install-file reads it, so that projects get the libraries, too.
    entries.put(
        "META-INF/maven/dev.spikewise/spikewise-client/pom.xml",
        pom(version).getBytes(StandardCharsets.UTF_8));
    var finished = Path.of(jar + ".part");
    try (OutputStream out = Files.newOutputStream(finished);
        var zip = new ZipOutputStream(out)) {
      put(
          zip,
          "META-INF/MANIFEST.MF",
          "Manifest-Version: 1.0\r\n\r\n".getBytes(StandardCharsets.UTF_8));
      for (var entry : entries.entrySet()) {
        put(zip, entry.getKey(), entry.getValue());
      }
    }
    Files.move(finished, jar, StandardCopyOption.REPLACE_EXISTING);
  }

  private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
    var entry = new ZipEntry(name);
    entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0));
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }

  private static String pom(String version) {
    var dependencies = new StringBuilder();
    for (var library : new TreeMap<>(LIBRARIES).entrySet()) {
      var name = library.getValue().split(":");
      var found = Pattern.compile(library.getKey()).matcher(System.getProperty("java.class.path"));
      if (!found.find()) {
        throw new IllegalStateException("The class path has no " + library.getValue());
      }
      dependencies.append(
          """
              <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>
          """
              .formatted(name[0], name[1], found.group(1)));
    }
    return """
    <project xmlns="http://maven.apache.org/POM/4.0.0">
      <modelVersion>4.0.0</modelVersion>
      <groupId>dev.spikewise</groupId>
      <artifactId>spikewise-client</artifactId>
      <version>%s</version>
      <name>Spikewise client</name>
      <description>Client of the Spikewise service.</description>
      <licenses><license><name>Apache-2.0</name></license></licenses>
      <dependencies>
    %s  </dependencies>
    </project>
    """
        .formatted(version, dependencies);
  }

  private static String digest(Path document, Path generator, String version) throws IOException {
    try {
      var sha = MessageDigest.getInstance("SHA-256");
      sha.update((version + Files.size(generator)).getBytes(StandardCharsets.UTF_8));
      sha.update(Files.readAllBytes(document));
      for (Path source : javaFiles(HAND_WRITTEN)) {
        sha.update(Files.readAllBytes(source));
      }
      return HexFormat.of().formatHex(sha.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (var files = Files.walk(folder)) {
      files
          .sorted(Comparator.reverseOrder())
          .forEach(
              file -> {
                try {
                  Files.delete(file);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
    }
  }
}
