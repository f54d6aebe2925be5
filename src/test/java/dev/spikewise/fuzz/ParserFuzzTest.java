package dev.spikewise.fuzz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.interop.FileMemory;
import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.interop.events.EventOptions;
import dev.spikewise.interop.events.EventReader;
import dev.spikewise.snn.data.Idx;
import dev.spikewise.snn.data.Npz;
import io.jhdf.HdfFile;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;

/**
 * Files that are damaged, or made to unpack to more than there is room for. NIR, safetensors and
 * printed models have the like in their own tests.
 */
class ParserFuzzTest {

  private static final int TIMES = 40 * Integer.getInteger("fuzz.percent", 20);
  private static final int FORMAT_TIMES = TIMES / 4;
  private static final long ROOM = 1 << 20;
  private static final EventOptions OPTIONS =
      new EventOptions(null, null, 8, 8, FileMemory.UNLIMITED);

  private interface Parser {
    void parse(byte[] file) throws IOException;
  }

  @Test
  void readsOrRejectsDamagedFile() throws IOException {
    byte[] values = {1, 2, 3, 4, 5, 6, 7, 8};
    mutate(idx(2, 4), file -> Idx.read(new ByteArrayInputStream(file), ROOM, _ -> {}));
    mutate(gzip(idx(2, 4)), file -> Idx.read(new ByteArrayInputStream(file), ROOM, _ -> {}));
    mutate(
        npz("|u1", "2, 4", values),
        file -> Npz.read(new ByteArrayInputStream(file), ROOM, _ -> {}));
    mutate(
        npz("<f4", "2, 1", values),
        file -> Npz.read(new ByteArrayInputStream(file), ROOM, _ -> {}));
    byte[] bin = {3, 1, (byte) 0x80, 0, 10, 0, (byte) 240, 0, 0, 12, 2, 0, (byte) 0x80, 0, 13};
    mutate(bin, file -> frame("a.bin", file));
    mutate(npy("|u1", "2, 4", values), file -> frame("a.npy", file));
    mutate(records(), file -> frame("a.npy", file));
    mutate(hdf5(), file -> frame("a.h5", file));
  }

  /** Files that libraries wrote, cut short so that most changes meet the format's own structure. */
  @Test
  void readsOrRejectsDamagedRecording() throws IOException {
    for (var name :
        new String[] {
          "aedat2_v2e.aedat",
          "aedat3.aedat",
          "aedat4_zstd.aedat4",
          "v5.mat",
          "evt2.raw",
          "evt3.raw",
          "prophesee.dat",
          "tonic_cache.hdf5",
          "v2e.h5"
        }) {
      try (var in = ParserFuzzTest.class.getResourceAsStream("/events/" + name)) {
        mutate(in.readAllBytes(), FORMAT_TIMES, file -> frame(name, file));
      }
    }
  }

  private static void frame(String name, byte[] file) {
    EventReader.read(name, file, OPTIONS);
  }

  /** Anything but the documented exceptions fails. */
  private static void mutate(byte[] whole, Parser parser) throws IOException {
    mutate(whole, TIMES, parser);
  }

  private static void mutate(byte[] whole, int times, Parser parser) throws IOException {
    parseOrRefuse(whole, parser, "the whole file");
    var mutator = new Mutator(1);
    for (int i = 0; i < times; i++) {
      parseOrRefuse(mutator.mutate(whole), parser, "mutation " + i);
    }
  }

  private static void parseOrRefuse(byte[] file, Parser parser, String what) throws IOException {
    try {
      parser.parse(file);
    } catch (IllegalArgumentException | UnreadableFileException expected) {
      assertThat(expected.getMessage()).isNotEmpty();
    } catch (RuntimeException | Error e) {
      throw new AssertionError(what + " of " + file.length + " bytes", e);
    }
  }

  @Test
  void rejectsBombBeforeUnpacking() throws IOException {
    // 64 MiB of zeros in 64 KiB, behind a header that owns up to it, or does not.
    for (var shape : new String[] {"1073741824,", "4,"}) {
      var npz = bomb(npy("|u1", shape, new byte[0]));
      assertThatThrownBy(() -> Npz.read(new ByteArrayInputStream(npz), ROOM))
          .isInstanceOf(IllegalArgumentException.class);
    }
    for (var size : new byte[] {0x40, 0}) {
      byte[] head = {0, 0, 8, 1, size, 0, 0, 4};
      var gzip = new ByteArrayOutputStream();
      try (var out = new GZIPOutputStream(gzip)) {
        out.write(head);
        out.write(new byte[1 << 26]);
      }
      assertThatThrownBy(
              () -> Idx.read(new ByteArrayInputStream(gzip.toByteArray()), ROOM, _ -> {}))
          .isInstanceOf(IllegalArgumentException.class);
    }
    var empties = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(empties)) {
      for (int i = 0; i < 5_000; i++) {
        zip.putNextEntry(new ZipEntry(i + ".npy"));
        zip.write(npy("|u1", "0,", new byte[0]));
      }
    }
    assertThatThrownBy(() -> Npz.read(new ByteArrayInputStream(empties.toByteArray()), ROOM))
        .hasMessageContaining("more than 4096 arrays");
  }

  @Test
  void eventsThatAreTooManyAreNotCounted() {
    var promise = "{'descr': [('x', '<i2')], 'fortran_order': False, 'shape': (2147483647,), }\n";
    assertThatThrownBy(() -> EventReader.read("a.npy", npy(promise, new byte[2]), OPTIONS))
        .isInstanceOf(UnreadableFileException.class)
        .hasMessageContaining("more than");
    assertThatThrownBy(() -> EventReader.read("a.bin", new byte[45 << 20], OPTIONS))
        .isInstanceOf(UnreadableFileException.class)
        .hasMessageContaining("more than");
  }

  private static byte[] bomb(byte[] head) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      zip.putNextEntry(new ZipEntry("x.npy"));
      zip.write(head);
      for (int i = 0; i < 64; i++) {
        zip.write(new byte[1 << 20]);
      }
    }
    return bytes.toByteArray();
  }

  private static byte[] npz(String descr, String shape, byte[] values) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      for (var name : new String[] {"x.npy", "y.npy"}) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(npy(descr, shape, values));
      }
    }
    return bytes.toByteArray();
  }

  private static byte[] npy(String descr, String shape, byte[] values) {
    return npy(
        "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }\n", values);
  }

  private static byte[] npy(String header, byte[] values) {
    var head = header.getBytes(StandardCharsets.US_ASCII);
    var out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) head.length, 0});
    out.writeBytes(head);
    out.writeBytes(values);
    return out.toByteArray();
  }

  private static byte[] records() {
    return npy(
        "{'descr': [('x', '<i2'), ('y', '<i2'), ('t', '<i8'), ('p', '|b1')],"
            + " 'fortran_order': False, 'shape': (2,), }\n",
        Arrays.copyOf(new byte[] {3, 0, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1}, 26));
  }

  private static byte[] hdf5() throws IOException {
    var path = Files.createTempFile("events", ".h5");
    try (var hdf = HdfFile.write(path)) {
      for (var name : new String[] {"x", "y", "t", "p"}) {
        hdf.putDataset(name, new int[] {1, 2, 3});
      }
    }
    byte[] file = Files.readAllBytes(path);
    Files.delete(path);
    return file;
  }

  private static byte[] idx(int... shape) {
    var out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {0, 0, 8, (byte) shape.length});
    int size = 1;
    for (int d : shape) {
      out.writeBytes(new byte[] {0, 0, 0, (byte) d});
      size *= d;
    }
    out.writeBytes(new byte[size]);
    return out.toByteArray();
  }

  private static byte[] gzip(byte[] content) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(bytes)) {
      gzip.write(content);
    }
    return bytes.toByteArray();
  }
}
