package dev.spikewise.interop.events;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.interop.FileMemory;
import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.snn.data.Npz;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every event of files that libraries wrote (src/test/python/event_files.py), against what the
 * libraries read in them.
 */
class EventFormatsTest {

  private static final EventOptions DAVIS346 =
      new EventOptions(null, null, 260, 346, FileMemory.UNLIMITED);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nmnist.bin",
        "tonic_cache.hdf5",
        "spikingjelly.npz",
        "aedat3.aedat",
        "aedat2_dvs128.aedat",
        "aedat2_v2e.aedat",
        "v2e.h5",
        "event_utils.h5",
        "v5.mat",
        "v73.mat",
        "prophesee.dat",
        "ncars.dat",
        "evt2.raw",
        "evt21.raw",
        "evt3.raw",
        "aedat4_lz4.aedat4",
        "aedat4_zstd.aedat4",
        "unsorted_aligned.npy"
      })
  void readsWhatTheLibraryReads(String name) throws IOException {
    assertReads(name, DAVIS346);
  }

  private static void assertReads(String name, EventOptions options) throws IOException {
    var read = EventReader.read(name, bytes(name), options);
    Map<String, Npz.Array> expected =
        Npz.read(new ByteArrayInputStream(bytes(name + ".expected.npz")), 1 << 26);
    var x = Objects.requireNonNull(expected.get("x"));
    assertThat(read.size()).isEqualTo(x.size()).isPositive();
    assertThat(read.x()).isEqualTo(x.ints());
    assertThat(read.y()).isEqualTo(Objects.requireNonNull(expected.get("y")).ints());
    assertThat(IntStream.range(0, read.size()).map(i -> read.polarity()[i]).toArray())
        .isEqualTo(Objects.requireNonNull(expected.get("p")).ints());
    var t = Objects.requireNonNull(expected.get("t"));
    assertThat(read.t())
        .isEqualTo(IntStream.range(0, t.size()).mapToLong(i -> (long) t.value(i)).toArray());
  }

  /** Speech2Spikes, with 16-bit mono at 16 kHz and 8-bit stereo at 8 kHz. */
  @ParameterizedTest
  @ValueSource(strings = {"seven_16000.wav", "seven_8000.wav"})
  void encodesAudioAsSpeech2SpikesDoes(String name) throws IOException {
    assertReads(name, new EventOptions(null, null, 1, 20, FileMemory.UNLIMITED));
  }

  /** Ten minutes at 48 kHz are 28,800,000 samples. */
  @Test
  void refusesAudioThatIsTooLongOrTooLargeForItsMemory() {
    var file = wav(28_800_001);
    var unlimited = new EventOptions(null, null, 1, 20, FileMemory.UNLIMITED);
    assertThatThrownBy(() -> EventReader.read("a.wav", file, unlimited))
        .isInstanceOf(UnreadableFileException.class)
        .hasMessageContaining("28800001 samples are more than the 28800000");
    var budget =
        new FileMemory(
            Long.MAX_VALUE,
            bytes -> {
              throw new IllegalStateException("asked for " + bytes);
            });
    var options = new EventOptions(null, null, 1, 20, budget);
    assertThatThrownBy(() -> EventReader.read("a.wav", wav(1000), options))
        .hasStackTraceContaining("asked for 4176");
  }

  /** Silence of 8 bits, mono, at 48 kHz. */
  private static byte[] wav(int samples) {
    return ByteBuffer.allocate(44 + samples)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put("RIFF".getBytes(StandardCharsets.US_ASCII))
        .putInt(36 + samples)
        .put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII))
        .putInt(16)
        .putShort((short) 1)
        .putShort((short) 1)
        .putInt(48_000)
        .putInt(48_000)
        .putShort((short) 1)
        .putShort((short) 8)
        .put("data".getBytes(StandardCharsets.US_ASCII))
        .putInt(samples)
        .array();
  }

  @Test
  void refusesAudioThatItCannotEncode() {
    var bands = new EventOptions(null, null, 1, 20, FileMemory.UNLIMITED);
    var file = bytes("seven_16000.wav");
    assertThatThrownBy(() -> EventReader.read("a.wav", bytes("nmnist.bin"), bands))
        .isInstanceOf(UnreadableFileException.class)
        .hasMessageContaining("not a .wav file with PCM");
    // Bytes 24 to 27 of a .wav file are its sample rate.
    var slow = file.clone();
    slow[24] = 0x40;
    slow[25] = 0x1f - 8;
    assertThatThrownBy(() -> EventReader.read("a.wav", slow, bands))
        .isInstanceOf(UnreadableFileException.class)
        .hasMessageContaining("at least 8000 Hz");
    assertThatThrownBy(() -> EventReader.read("a.wav", Arrays.copyOf(file, 100), bands))
        .isInstanceOf(UnreadableFileException.class)
        .hasMessageContaining("half a window");
  }

  @Test
  void readsTheLabelOfATonicCache() {
    assertThat(EventReader.read("a.hdf5", bytes("tonic_cache.hdf5"), DAVIS346).label())
        .isEqualTo(7);
  }

  @Test
  void countsEventsOutOfOrder() {
    var read = EventReader.read("a.npy", bytes("unsorted_aligned.npy"), DAVIS346);
    assertThat(read.outOfOrder()).isBetween(300, 600);
    assertThat(read.t()).isSorted();
  }

  @Test
  void asksForWhatTheFileDoesNotSay() {
    // Either order of x and y, and of p and t, fits these rows.
    var rows = bytes("ambiguous.npy");
    assertThatThrownBy(() -> EventReader.read("a.npy", rows, DAVIS346))
        .isInstanceOf(UnreadableFileException.class)
        .hasMessageContaining("columns=x,y,p,t");
    var given =
        new EventOptions(TimeUnit.MS, List.of("x", "y", "p", "t"), 260, 346, FileMemory.UNLIMITED);
    assertThat(EventReader.read("a.npy", rows, given).t()).containsExactly(0, 1000);
    assertThatThrownBy(() -> EventReader.read("a.npy", bytes("fractions.npy"), DAVIS346))
        .isInstanceOf(UnreadableFileException.class)
        .hasMessageContaining("time_unit");
    assertThatThrownBy(() -> EventReader.read("a.npy", bytes("polarity.npy"), DAVIS346))
        .isInstanceOf(UnreadableFileException.class)
        .hasMessageContaining("polarities");
  }

  private static byte[] bytes(String file) {
    try (var in = EventFormatsTest.class.getResourceAsStream("/events/" + file)) {
      return Objects.requireNonNull(in, file).readAllBytes();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
