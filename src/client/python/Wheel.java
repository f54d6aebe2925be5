import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.LocalDateTime;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Packs the Python client as a wheel (PEP 427): {@code java Wheel.java CLIENT VERSION FOLDER}. The
 * same sources give the same bytes.
 */
final class Wheel {

  private Wheel() {}

  public static void main(String[] args) throws IOException {
    var client = Path.of(args[0]);
    // As PEP 440 writes a version that is not released yet.
    var version = args[1].replace("-SNAPSHOT", ".dev0");
    var info = "spikewise-%s.dist-info/".formatted(version);
    var files = new TreeMap<String, byte[]>();
    try (var sources = Files.list(client.resolve("spikewise"))) {
      for (var source : sources.filter(file -> file.toString().endsWith(".py")).toList()) {
        var text =
            Files.readString(source)
                .replaceAll("(?m)^__version__ = .*$", "__version__ = \"" + version + "\"");
        files.put("spikewise/" + source.getFileName(), text.getBytes(StandardCharsets.UTF_8));
      }
    }
    files.put(
        info + "METADATA",
        """
        Metadata-Version: 2.1
        Name: spikewise
        Version: %s
        Summary: Client of the Spikewise service
        License: Apache-2.0
        Requires-Python: >=3.9
        Provides-Extra: frames
        Requires-Dist: numpy; extra == "frames"
        Requires-Dist: pandas; extra == "frames"
        Description-Content-Type: text/markdown

        %s\
        """
            .formatted(version, Files.readString(client.resolve("README.md")))
            .getBytes(StandardCharsets.UTF_8));
    files.put(
        info + "WHEEL",
        """
        Wheel-Version: 1.0
        Generator: spikewise
        Root-Is-Purelib: true
        Tag: py3-none-any
        """
            .getBytes(StandardCharsets.UTF_8));
    var record = new StringBuilder();
    files.forEach(
        (name, content) ->
            record.append("%s,sha256=%s,%d\n".formatted(name, digest(content), content.length)));
    record.append(info).append("RECORD,,\n");
    // The list of files comes last, as PEP 427 recommends.
    var wheel = Path.of(args[2], "spikewise-%s-py3-none-any.whl".formatted(version));
    Files.createDirectories(wheel.getParent());
    Files.write(
        wheel, zip(files, info + "RECORD", record.toString().getBytes(StandardCharsets.UTF_8)));
    System.out.println(wheel);
  }

  private static byte[] zip(Map<String, byte[]> files, String last, byte[] content)
      throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      for (var file : files.entrySet()) {
        put(zip, file.getKey(), file.getValue());
      }
      put(zip, last, content);
    }
    return bytes.toByteArray();
  }

  private static void put(ZipOutputStream zip, String name, byte[] content) throws IOException {
    var entry = new ZipEntry(name);
    entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0));
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }

  private static String digest(byte[] content) {
    try {
      return Base64.getUrlEncoder()
          .withoutPadding()
          .encodeToString(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
