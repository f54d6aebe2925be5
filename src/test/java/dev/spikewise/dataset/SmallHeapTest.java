package dev.spikewise.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.InvalidSpecException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.springframework.core.io.FileSystemResource;
import org.springframework.util.unit.DataSize;

/** Data sets beside a heap that is too small for them, in a JVM of its own. */
class SmallHeapTest {

  private static final int SAMPLES = 40_000;
  private static final int PIXELS = 784;

  /** Reads the file {@code args[0]} as an upload is read, and says what came of it. */
  public static void main(String[] args) throws Exception {
    try {
      var dataset =
          Samples.read(
              "large",
              Map.of("file", new FileSystemResource(Path.of(args[0]))),
              new Unpacking(
                  Datasets.room(DataSize.ofGigabytes(1)), Long.MAX_VALUE, Compute.UNBOUNDED));
      System.out.println("read " + dataset.dataset().size());
    } catch (InvalidSpecException e) {
      System.out.println("refused " + e.mistakes().getFirst());
    }
  }

  @Test
  void rejectsDatasetLargerThanTheHeapAndReadsSmallerOne() throws Exception {
    var file = Files.createTempFile("large", ".npz");
    try {
      write(file);
      assertThat(read(file, "-Xmx64m"))
          .startsWith("refused")
          .contains("/file")
          .contains("needs " + SAMPLES * PIXELS + " bytes, more than the 16");
      assertThat(read(file, "-Xmx1g")).isEqualTo("read " + SAMPLES);
    } finally {
      Files.delete(file);
    }
  }

  private static String read(Path file, String heap) throws Exception {
    var process =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                heap,
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                SmallHeapTest.class.getName(),
                file.toString())
            .redirectErrorStream(true)
            .start();
    var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output.strip();
  }

  /** Grey levels, 31 MB of them, that are 125 MB as floats. */
  private static void write(Path file) throws Exception {
    try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("x.npy"));
      zip.write(header(SAMPLES + ", " + PIXELS));
      var row = new byte[PIXELS];
      for (int i = 0; i < SAMPLES; i++) {
        zip.write(row);
      }
      zip.closeEntry();
      zip.putNextEntry(new ZipEntry("y.npy"));
      zip.write(header(SAMPLES + ","));
      zip.write(new byte[SAMPLES]);
      zip.closeEntry();
    }
  }

  private static byte[] header(String shape) {
    var text = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + shape + "), }\n";
    var head = new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) text.length(), 0};
    var bytes = Arrays.copyOf(head, head.length + text.length());
    System.arraycopy(
        text.getBytes(StandardCharsets.US_ASCII), 0, bytes, head.length, text.length());
    return bytes;
  }
}
