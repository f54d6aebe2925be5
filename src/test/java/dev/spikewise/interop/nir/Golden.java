package dev.spikewise.interop.nir;

import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Files that the peers' own libraries wrote, and what becomes of a reader that gets damaged ones.
 */
public final class Golden {

  private Golden() {}

  public static byte[] bytes(String name) {
    try (InputStream in =
        Objects.requireNonNull(Golden.class.getResourceAsStream("/interop/" + name), name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static String text(String name) {
    return new String(bytes(name), StandardCharsets.UTF_8);
  }

  public static Tensor tensor(StateDict weights, String name) {
    return Objects.requireNonNull(weights.tensors().get(name), name);
  }

  /**
   * Gives {@code reader} damaged copies of {@code whole}: bytes changed, cut out or doubled.
   * Anything but the two documented exceptions fails the caller's test. Every build makes a fifth
   * of the copies; {@code -Dfuzz.percent=100} makes all.
   */
  public static void mutate(byte[] whole, int times, long seed, Consumer<byte[]> reader) {
    var random = new Random(seed);
    for (int i = 0; i < times * Integer.getInteger("fuzz.percent", 20) / 100; i++) {
      byte[] damaged = damaged(whole, random);
      try {
        reader.accept(damaged);
      } catch (InvalidSpecException | UnreadableFileException expected) {
        Objects.requireNonNull(expected.getMessage());
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ", mutation " + i, e);
      }
    }
  }

  private static byte[] damaged(byte[] whole, Random random) {
    byte[] damaged = whole.clone();
    // Headers come first in every format, so half of the changes go there.
    int range = random.nextBoolean() ? whole.length : Math.min(whole.length, 2048);
    for (int n = random.nextInt(8); n >= 0; n--) {
      damaged[random.nextInt(range)] =
          switch (random.nextInt(4)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> (byte) (" 0123456789-+.eE,:;\"'{}[]()").charAt(random.nextInt(27));
            default -> (byte) random.nextInt();
          };
    }
    int at = random.nextInt(range);
    return switch (random.nextInt(6)) {
      case 0 -> java.util.Arrays.copyOf(damaged, at);
      case 1 -> spliced(damaged, at, Math.min(damaged.length, at + random.nextInt(64)));
      case 2 -> spliced(damaged, at, Math.max(0, at - random.nextInt(64)));
      default -> damaged;
    };
  }

  /** Everything before {@code end}, then everything from {@code start}. */
  private static byte[] spliced(byte[] bytes, int end, int start) {
    byte[] joined = java.util.Arrays.copyOf(bytes, end + bytes.length - start);
    System.arraycopy(bytes, start, joined, end, bytes.length - start);
    return joined;
  }
}
