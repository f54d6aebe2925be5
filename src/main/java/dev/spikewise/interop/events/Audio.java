package dev.spikewise.interop.events;

import dev.spikewise.interop.FileMemory;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import javax.sound.sampled.AudioFormat;
import javax.sound.sampled.AudioSystem;
import javax.sound.sampled.UnsupportedAudioFileException;

/**
 * Audio files (.wav) as spikes, encoded by Speech2Spikes (Stewart et al., 2023, <a
 * href="https://doi.org/10.1145/3584954.3584995">doi:10.1145/3584954.3584995</a>): the natural
 * logarithm of a mel spectrogram, one band per column, is delta-encoded: a band emits at most one
 * event per hop, when it differs by more than 1 from the level reconstructed from its earlier
 * events; polarity 1 for a rise, 0 for a fall.
 *
 * <p>Window and hop last 32 ms and 5 ms, as the 512 and 80 samples of Speech2Spikes do at 16 kHz;
 * the bands are triangles from 20 Hz to 4 kHz on the HTK mel scale. An event of hop k has the time
 * k times 5 ms. Energies are clamped to at least 1e-10, so that the logarithm of digital silence is
 * finite.
 */
final class Audio {

  private static final double LOWEST_HERTZ = 20;
  private static final double HIGHEST_HERTZ = 4000;
  private static final double LEAST_ENERGY = 1e-10;
  private static final double THRESHOLD = 1;
  private static final int HOP_MICROSECONDS = 5000;
  private static final int WINDOW_MICROSECONDS = 32_000;

  /** Maximum sample rate in Hz; window and filters grow with the rate. */
  private static final int MAX_RATE = 192_000;

  /** Maximum number of samples: ten minutes at 48 kHz. */
  private static final int MAX_SAMPLES = 10 * 60 * 48_000;

  private final double[] samples;
  private final int rate;
  private final int window;
  private final int hop;

  private Audio(double[] samples, int rate) {
    this.samples = samples;
    this.rate = rate;
    window = Math.toIntExact((long) rate * WINDOW_MICROSECONDS / 1_000_000);
    hop = Math.toIntExact((long) rate * HOP_MICROSECONDS / 1_000_000);
  }

  /**
   * @param options width is the number of mel bands
   */
  static EventRecording read(byte[] file, EventOptions options) throws IOException {
    var audio = decode(file, options.memory());
    if (audio.rate > MAX_RATE) {
      throw new IllegalArgumentException(
          "its sample rate must be at most %d Hz but is %d Hz: resample it"
              .formatted(MAX_RATE, audio.rate));
    }
    if (audio.rate < 2 * HIGHEST_HERTZ) {
      throw new IllegalArgumentException(
          "its sample rate must be at least 8000 Hz but is %d Hz: resample it"
              .formatted(audio.rate));
    }
    if (audio.samples.length <= audio.window / 2) {
      throw new IllegalArgumentException(
          "it has %d samples, but half a window of 32 ms takes more than %d"
              .formatted(audio.samples.length, audio.window / 2));
    }
    return audio.events(options);
  }

  /** Decodes the file and mixes all channels to one, with values from -1 to 1. */
  private static Audio decode(byte[] file, FileMemory memory) throws IOException {
    try (var stream = AudioSystem.getAudioInputStream(new ByteArrayInputStream(file))) {
      AudioFormat from = stream.getFormat();
      boolean pcm = from.getEncoding().toString().startsWith("PCM_");
      int bits = pcm ? from.getSampleSizeInBits() : 16;
      if (bits % 8 != 0) {
        throw new IllegalArgumentException("samples of " + bits + " bits are not supported");
      }
      var to =
          new AudioFormat(
              pcm ? from.getEncoding() : AudioFormat.Encoding.PCM_SIGNED,
              from.getSampleRate(),
              bits,
              from.getChannels(),
              from.getChannels() * bits / 8,
              from.getSampleRate(),
              false);
      try (var decoded = AudioSystem.getAudioInputStream(to, stream)) {
        // Compressed samples are 8 bits, and 16 once decoded.
        memory.reserve().accept(4L * file.length);
        byte[] bytes = decoded.readAllBytes();
        int n = bytes.length / to.getFrameSize();
        if (n > MAX_SAMPLES) {
          throw new IllegalArgumentException(
              n + " samples are more than the " + MAX_SAMPLES + " that a recording may have");
        }
        memory.reserve().accept((long) Double.BYTES * n);
        return new Audio(mono(ByteBuffer.wrap(bytes), to, n), (int) to.getSampleRate());
      }
    } catch (UnsupportedAudioFileException e) {
      throw new IllegalArgumentException(
          "it is not a .wav file with PCM, A-law or mu-law samples: convert it, for example with"
              + " sox or ffmpeg",
          e);
    }
  }

  private static double[] mono(ByteBuffer bytes, AudioFormat format, int n) {
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    int width = format.getSampleSizeInBits() / 8;
    var decoder = decoder(format);
    var samples = new double[n];
    for (int i = 0; i < n; i++) {
      for (int channel = 0; channel < format.getChannels(); channel++) {
        int at = (i * format.getChannels() + channel) * width;
        double value = decoder.decode(bytes, at);
        if (!Double.isFinite(value)) {
          throw new IllegalArgumentException("it contains a sample that is not a finite number");
        }
        samples[i] += value / format.getChannels();
      }
    }
    return samples;
  }

  private interface Decoder {
    double decode(ByteBuffer bytes, int at);
  }

  /** Decodes samples without the JDK's converters, which centre 8-bit samples at 127. */
  private static Decoder decoder(AudioFormat format) {
    var kind = format.getEncoding() + " " + format.getSampleSizeInBits();
    return switch (kind) {
      case "PCM_UNSIGNED 8" -> (bytes, at) -> ((bytes.get(at) & 0xff) - 128) / 0x1p7;
      case "PCM_SIGNED 8" -> (bytes, at) -> bytes.get(at) / 0x1p7;
      case "PCM_SIGNED 16" -> (bytes, at) -> bytes.getShort(at) / 0x1p15;
      case "PCM_SIGNED 24" ->
          (bytes, at) -> (bytes.getShort(at + 1) * 256 + (bytes.get(at) & 0xff)) / 0x1p23;
      case "PCM_SIGNED 32" -> (bytes, at) -> bytes.getInt(at) / 0x1p31;
      case "PCM_FLOAT 32" -> ByteBuffer::getFloat;
      case "PCM_FLOAT 64" -> ByteBuffer::getDouble;
      default -> throw new IllegalArgumentException(kind + "-bit samples are not supported");
    };
  }

  private EventRecording events(EventOptions options) {
    int bands = options.width();
    options.memory().reserve().accept((long) Double.BYTES * bands * (window / 2 + 1));
    var filters = melFilters(bands);
    var cos = new double[window];
    var sin = new double[window];
    var hann = new double[window];
    for (int i = 0; i < window; i++) {
      double angle = 2 * Math.PI * i / window;
      cos[i] = Math.cos(angle);
      sin[i] = Math.sin(angle);
      hann[i] = 0.5 - 0.5 * Math.cos(angle);
    }
    var events = new Columns.Builder(options);
    var levels = new double[bands];
    var frame = new double[window];
    var power = new double[window / 2 + 1];
    for (int k = 0; k <= samples.length / hop; k++) {
      options.memory().check();
      for (int i = 0; i < window; i++) {
        frame[i] = hann[i] * reflected(k * hop - window / 2 + i);
      }
      // A direct Fourier transform is fast enough, because only frequencies below 4 kHz are needed.
      for (int f = 0; f < power.length && f <= HIGHEST_HERTZ * window / rate + 1; f++) {
        double real = 0;
        double imaginary = 0;
        for (int i = 0, phase = 0; i < window; i++, phase = (phase + f) % window) {
          real += frame[i] * cos[phase];
          imaginary -= frame[i] * sin[phase];
        }
        power[f] = real * real + imaginary * imaginary;
      }
      for (int band = 0; band < bands; band++) {
        double energy = 0;
        for (int f = 0; f < power.length; f++) {
          energy += filters[band][f] * power[f];
        }
        double log = Math.log(Math.max(energy, LEAST_ENERGY));
        levels[band] = k == 0 ? Math.rint(log) : levels[band];
        double moved = log - levels[band];
        if (Math.abs(moved) > THRESHOLD) {
          events.add(band, 0, moved > 0 ? 1 : 0, (long) k * HOP_MICROSECONDS);
          levels[band] += Math.signum(moved) * THRESHOLD;
        }
      }
    }
    return events.build(0L);
  }

  /** The sample at {@code i}, mirrored at both ends. */
  private double reflected(int i) {
    int last = samples.length - 1;
    int at = Math.abs(i);
    return samples[at > last ? 2 * last - at : at];
  }

  /** Weight of each frequency of a frame in each band. */
  private double[][] melFilters(int bands) {
    var points = new double[bands + 2];
    double lowest = mel(LOWEST_HERTZ);
    double step = (mel(HIGHEST_HERTZ) - lowest) / (bands + 1);
    for (int i = 0; i < points.length; i++) {
      points[i] = 700 * (Math.pow(10, (lowest + i * step) / 2595) - 1);
    }
    int frequencies = window / 2 + 1;
    var filters = new double[bands][frequencies];
    for (int band = 0; band < bands; band++) {
      for (int f = 0; f < frequencies; f++) {
        double hertz = (double) (rate / 2) * f / (frequencies - 1);
        double rising = (hertz - points[band]) / (points[band + 1] - points[band]);
        double falling = (points[band + 2] - hertz) / (points[band + 2] - points[band + 1]);
        filters[band][f] = Math.max(0, Math.min(rising, falling));
      }
    }
    return filters;
  }

  private static double mel(double hertz) {
    return 2595 * Math.log10(1 + hertz / 700);
  }
}
