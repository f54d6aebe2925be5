package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Tensors that sinabs computed. {@code -Dspikewise.reference=DIR} takes them from another folder of
 * the same format; a missing file fails.
 */
public final class Reference {

  private static final Path FOLDER =
      Path.of(System.getProperty("spikewise.reference", "src/test/resources/reference"));

  private Reference() {}

  public static JsonNode manifest() {
    return JsonMapper.shared().readTree(FOLDER.resolve("manifest.json").toFile());
  }

  public static Map<String, Npz.Array> read(String file) {
    return read(FOLDER.resolve(file));
  }

  /** Tensors outside that folder. */
  public static Map<String, Npz.Array> read(Path file) {
    try (var in = Files.newInputStream(file)) {
      return Npz.read(in, 1 << 26);
    } catch (IOException e) {
      throw new UncheckedIOException("a reference file is missing: " + file.toAbsolutePath(), e);
    }
  }

  /** The arrays under {@code prefix.LAYER} as a state dict's {@code LAYER.suffix}. */
  public static StateDict stateDict(Map<String, Npz.Array> arrays, String... prefixes) {
    var tensors = new LinkedHashMap<String, Tensor>();
    arrays.forEach(
        (name, array) -> {
          for (String prefix : prefixes) {
            if (name.startsWith(prefix + ".")) {
              tensors.put(
                  name.substring(prefix.length() + 1) + "." + prefix,
                  new Tensor(array.shape(), array.floats()));
            }
          }
        });
    return new StateDict(tensors);
  }

  /** Largest difference, relative to the largest expected value, is at most {@code tolerance}. */
  public static void assertClose(float[] actual, float[] expected, double tolerance, String what) {
    assertThat(actual).as(what).hasSameSizeAs(expected);
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      largest = Math.max(largest, Math.abs(expected[i]));
      difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    }
    assertThat(difference).as(what).isLessThanOrEqualTo(tolerance * largest);
  }
}
