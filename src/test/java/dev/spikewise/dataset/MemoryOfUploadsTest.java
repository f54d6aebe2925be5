package dev.spikewise.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.spec.Preparation;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.core.io.InputStreamSource;

/** Files of every format take memory from the budget of requests before they allocate it. */
class MemoryOfUploadsTest {

  /** Bytes that the test lets a request take. */
  private static final long BUDGET = 8 << 20;

  private static final Recipe CAMERA =
      new Recipe(2, 2, 2, null, null, null, null, Preparation.NONE);

  /** Refuses what is too much, as the budget of the service does. */
  private static final class Budget implements Compute.Run {

    private long taken;
    private long most;

    @Override
    public void run() {}

    @Override
    public void reserve(long bytes) {
      if (taken + bytes > BUDGET) {
        throw new ProblemException(Code.CONTENT_TOO_LARGE, "the request needs too much memory");
      }
      taken += bytes;
      most = Math.max(most, taken);
    }

    @Override
    public void release(long bytes) {
      taken -= bytes;
    }
  }

  private final Budget budget = new Budget();

  private ReadDataset read(Map<String, InputStreamSource> files) throws IOException {
    return Samples.read("n", files, new Unpacking(1 << 30, 1 << 30, budget));
  }

  private void refuses(Map<String, InputStreamSource> files) {
    assertThatThrownBy(() -> read(files))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("needs too much memory");
    assertThat(budget.most).isLessThanOrEqualTo(BUDGET);
  }

  /** 4 MiB of pixels in 4 kB of gzip; as floats they are 16 MiB. */
  @Test
  void refusesImagesThatAreTooLargeAsFloats() throws IOException {
    var images = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(images)) {
      gzip.write(ByteBuffer.allocate(16).putInt(0x803).putInt(64).putInt(256).putInt(256).array());
      gzip.write(new byte[64 << 16]);
    }
    var labels = ByteBuffer.allocate(72).putInt(0x801).putInt(64).array();
    refuses(
        Map.of(
            "images", new ByteArrayResource(images.toByteArray()),
            "labels", new ByteArrayResource(labels)));
    assertThat(budget.most).as("the bytes of both files").isEqualTo((64 << 16) + 64);
  }

  /** The header promises 64 MiB, and the file ends after it. */
  @Test
  void refusesWhatAHeaderPromisesBeforeItIsAllocated() {
    var promise = ByteBuffer.allocate(16).putInt(0x803).putInt(1024).putInt(256).putInt(256);
    refuses(
        Map.of(
            "images", new ByteArrayResource(promise.array()),
            "labels", new ByteArrayResource(new byte[8])));
    assertThat(budget.most).isZero();
  }

  @Test
  void refusesABatchOfCifarThatIsTooLarge() {
    refuses(Map.of("file", new ByteArrayResource(new byte[1000 * 3073])));
  }

  /** An event takes many times the five bytes that it has in the file. */
  @Test
  void refusesARecordingWithTooManyEvents() throws IOException {
    refuses(Map.of("events", new ByteArrayResource(zip(1, 1_000_000)), "recipe", CAMERA.part()));
  }

  @Test
  void unpacksAnArchiveOnceAndKeepsOnlyTheMemoryOfItsEvents() throws IOException {
    byte[] zip = zip(30, 50_000);
    var opened = new AtomicInteger();
    InputStreamSource source =
        new InputStreamSource() {
          @Override
          public InputStream getInputStream() {
            opened.incrementAndGet();
            return new ByteArrayInputStream(zip);
          }
        };
    var read = read(Map.of("events", source, "recipe", CAMERA.part()));
    assertThat(read.dataset().size()).isEqualTo(30);
    assertThat(opened).as("a look at its first bytes, and one pass").hasValue(2);
    assertThat(budget.taken).isBetween(read.reading().memoryBytes(), 2 * (30L * 40_000 + 8192));
  }

  @Test
  void refusesPathsThatAreTooLong() throws IOException {
    var out = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(out)) {
      zip.putNextEntry(new ZipEntry("0/" + "x".repeat(2000) + ".bin"));
      zip.write(new byte[5]);
    }
    assertThatThrownBy(
            () ->
                read(
                    Map.of(
                        "events",
                        new ByteArrayResource(out.toByteArray()),
                        "recipe",
                        CAMERA.part())))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("at most 1024 are allowed");
  }

  private static byte[] zip(int files, int bytes) throws IOException {
    var out = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(out)) {
      for (int i = 0; i < files; i++) {
        zip.putNextEntry(new ZipEntry("0/" + i + ".bin"));
        zip.write(new byte[bytes]);
        zip.closeEntry();
      }
    }
    return out.toByteArray();
  }
}
