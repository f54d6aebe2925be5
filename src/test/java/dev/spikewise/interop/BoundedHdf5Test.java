package dev.spikewise.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Arrays x, y, p and t of four numbers, whose one chunk unpacks to 20 MiB, and an honest one. */
class BoundedHdf5Test {

  private static byte[] file() throws IOException {
    try (var in = BoundedHdf5Test.class.getResourceAsStream("/interop/deflate_bomb.h5")) {
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
                    1 << 20,
                    unpacked::addAndGet,
                    hdf -> hdf.getDatasetByPath("x").getDataFlat()))
        .hasStackTraceContaining("unpack to more than a file may hold");
    assertThat(unpacked.get()).isLessThanOrEqualTo(1 << 20);
  }

  @Test
  void readsOnOneThreadOfItsOwnWhatStaysWithinTheLimit() throws IOException {
    var honest =
        BoundedHdf5.read(
            file(), 1 << 20, _ -> {}, hdf -> (long[]) hdf.getDatasetByPath("honest").getDataFlat());
    assertThat(honest).hasSize(4000).endsWith(3999);
  }
}
