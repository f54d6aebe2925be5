package dev.spikewise.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.interop.events.EventOptions;
import dev.spikewise.interop.events.EventReader;
import dev.spikewise.problem.Problem;
import dev.spikewise.problem.ProblemException;
import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Arrays x, y, p and t of four numbers, whose one chunk unpacks to 20 MiB, and an honest one. */
class BoundedHdf5Test {

  private static byte[] file() throws IOException {
    return file("deflate_bomb");
  }

  private static byte[] file(String name) throws IOException {
    try (var in = BoundedHdf5Test.class.getResourceAsStream("/interop/" + name + ".h5")) {
      return Objects.requireNonNull(in).readAllBytes();
    }
  }

  @Test
  void stopsUnpackingAtTheLimitNotAfterIt() throws IOException {
    byte[] file = file();
    var unpacked = new AtomicLong();
    assertThatThrownBy(
            () ->
                BoundedHdf5.read(
                    file,
                    new FileMemory(1 << 20, unpacked::addAndGet),
                    hdf -> hdf.getDatasetByPath("x").getDataFlat()))
        .hasStackTraceContaining("unpack to more than");
    assertThat(unpacked.get()).isLessThanOrEqualTo(1 << 20);
  }

  @Test
  void readsOnOneThreadOfItsOwnWhatStaysWithinTheLimit() throws IOException {
    var honest =
        BoundedHdf5.read(
            file(),
            new FileMemory(1 << 20, _ -> {}),
            hdf -> (long[]) hdf.getDatasetByPath("honest").getDataFlat());
    assertThat(honest).hasSize(4000).endsWith(3999);
  }

  /** The filters allocate what the file says before they unpack anything. */
  @ParameterizedTest
  @ValueSource(strings = {"lzf", "lz4", "bitshuffle"})
  void refusesWhatAChunkSaysOfItsSizeBeforeItIsAllocated(String name) throws IOException {
    byte[] file = file("chunk_bombs");
    var asked = new AtomicLong();
    assertThatThrownBy(
            () ->
                BoundedHdf5.read(
                    file,
                    new FileMemory(1 << 20, asked::addAndGet),
                    hdf -> hdf.getDatasetByPath(name).getDataFlat()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("unpack to more than");
    assertThat(asked.get()).isZero();
    var read =
        BoundedHdf5.read(
            file,
            new FileMemory(1 << 16, asked::addAndGet),
            hdf -> (long[]) hdf.getDatasetByPath("honest").getDataFlat());
    assertThat(read).endsWith(3999);
    assertThat(asked.get()).isEqualTo(4000 * Long.BYTES);
  }

  @Test
  void refusesAChunkThatUnpacksToMoreThanItsPlace() throws IOException {
    byte[] file = file("chunk_bombs");
    var unpacked = new AtomicLong();
    assertThatThrownBy(
            () ->
                BoundedHdf5.read(
                    file,
                    new FileMemory(1 << 30, unpacked::addAndGet),
                    hdf -> {
                      var array = hdf.getDatasetByPath("deflate");
                      return BoundedHdf5.within(array, array::getDataFlat);
                    }))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("more than its declared 512 bytes");
    assertThat(unpacked.get()).isLessThanOrEqualTo(512);
  }

  /** 4,000 samples that are one array of the file: 40 million events in 100 kB. */
  @Test
  void refusesSpikeTrainsThatShareOneLongArray() throws IOException {
    byte[] file = file("shared_samples");
    var left = new AtomicLong(64 << 20);
    var options =
        new EventOptions(
            null,
            null,
            1,
            700,
            new FileMemory(
                1 << 30,
                bytes -> {
                  if (left.addAndGet(-bytes) < 0) {
                    throw new ProblemException(Problem.Code.CONTENT_TOO_LARGE, "no memory left");
                  }
                }));
    assertThatThrownBy(() -> EventReader.readSpikeTrains("file", file, options))
        .isInstanceOf(ProblemException.class)
        .hasMessageContaining("no memory left");
  }
}
