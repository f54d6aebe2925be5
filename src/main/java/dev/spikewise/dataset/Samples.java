package dev.spikewise.dataset;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Idx;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.data.SampleValues;
import dev.spikewise.spec.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.InputStreamSource;

/**
 * Makes a data set of uploaded files. Floats and spikes are taken as they are; whole numbers are
 * grey levels and become 0..1: divided by 16 where none is above it, as in the bundled digits, else
 * by 255. Zeros and ones stay what they are.
 */
final class Samples {

  private static final int MAX_LABEL = 65_535;

  private final long maxBytes;
  private final Mistakes mistakes = new Mistakes();

  private Samples(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /**
   * @param files by the name of their part: {@code file}, or {@code images} and {@code labels},
   *     with {@code test_images} and {@code test_labels} or without, or {@code events} with their
   *     framing
   * @throws InvalidSpecException with everything that is wrong with the files
   */
  static Dataset read(String name, Map<String, InputStreamSource> files, long maxBytes)
      throws IOException {
    var samples = new Samples(maxBytes);
    var events = files.get("events");
    var framing = files.get(Framing.PART);
    if (events != null && framing != null) {
      return Recordings.read(name, events, Framing.read(framing), maxBytes);
    }
    return files.containsKey("file") ? samples.npz(name, files) : samples.idx(name, files);
  }

  private Dataset npz(String name, Map<String, InputStreamSource> files) throws IOException {
    var at = mistakes.in("file");
    var arrays = array(files, "file", in -> Npz.read(in, maxBytes));
    var x = arrays.get("x");
    var spikes = arrays.get("spikes");
    var y = arrays.get("y");
    at.require(
        (x == null) != (spikes == null),
        "x",
        "must be there, or spikes in its place; found " + arrays.keySet());
    at.require(
        y != null, "y", "is missing: give the label of each sample; found " + arrays.keySet());
    mistakes.throwIfAny();
    var of = spikes == null ? "x" : "spikes";
    var train = dataset(name, arrays.get(of), spikes != null, at.in(of), y, at.in("y"));
    var testOf = of + "_test";
    if (!arrays.containsKey(testOf) && !arrays.containsKey("y_test")) {
      return train;
    }
    at.require(arrays.containsKey(testOf), testOf, "is missing, but y_test is there");
    at.require(arrays.containsKey("y_test"), "y_test", "is missing, but " + testOf + " is there");
    mistakes.throwIfAny();
    var test =
        dataset(
            name,
            arrays.get(testOf),
            spikes != null,
            at.in(testOf),
            arrays.get("y_test"),
            at.in("y_test"));
    return join(train, test, at.in(testOf));
  }

  private Dataset idx(String name, Map<String, InputStreamSource> files) throws IOException {
    var images = array(files, "images", in -> Idx.read(in, maxBytes));
    var labels = array(files, "labels", in -> Idx.read(in, maxBytes));
    var train = dataset(name, images, false, mistakes.in("images"), labels, mistakes.in("labels"));
    if (!files.containsKey("test_images")) {
      return train;
    }
    var testImages = array(files, "test_images", in -> Idx.read(in, maxBytes));
    var testLabels = array(files, "test_labels", in -> Idx.read(in, maxBytes));
    var imagesAt = mistakes.in("test_images");
    var test = dataset(name, testImages, false, imagesAt, testLabels, mistakes.in("test_labels"));
    return join(train, test, imagesAt);
  }

  private Dataset join(Dataset train, Dataset test, Mistakes testAt) {
    if (!test.shape().equals(train.shape()) || test.timeSteps() != train.timeSteps()) {
      testAt.add(
          "has samples of shape %s, but the training samples have shape %s: both parts need the same"
              .formatted(test.shape(), train.shape()));
    } else if (train.values().bytes() + test.values().bytes() > maxBytes) {
      testAt.add("makes the data set larger than the %d bytes allowed".formatted(maxBytes));
    }
    mistakes.throwIfAny();
    var labels = Arrays.copyOf(train.labels(), train.size() + test.size());
    System.arraycopy(test.labels(), 0, labels, train.size(), test.size());
    return new Dataset(
        train.name(),
        train.shape(),
        train.timeSteps(),
        joined(train.values(), test.values()),
        labels,
        train.size());
  }

  private static float[] joined(SampleValues train, SampleValues test) {
    int size = train.sampleSize();
    var values = new float[(train.samples() + test.samples()) * size];
    var sample = new float[size];
    for (int i = 0; i < train.samples() + test.samples(); i++) {
      if (i < train.samples()) {
        train.read(i, sample);
      } else {
        test.read(i - train.samples(), sample);
      }
      System.arraycopy(sample, 0, values, i * size, size);
    }
    return values;
  }

  private interface Reader<T> {
    T read(InputStream in) throws IOException;
  }

  private <T> T array(Map<String, InputStreamSource> files, String part, Reader<T> reader)
      throws IOException {
    var file = files.get(part);
    if (file == null) {
      throw new InvalidSpecException("/" + part, "is missing: send file, or images and labels");
    }
    try (var in = file.getInputStream()) {
      return reader.read(in);
    } catch (IllegalArgumentException e) {
      throw new InvalidSpecException("/" + part, String.valueOf(e.getMessage()));
    }
  }

  private Dataset dataset(
      String name,
      Npz.@Nullable Array x,
      boolean hasTime,
      Mistakes xAt,
      Npz.@Nullable Array y,
      Mistakes yAt) {
    if (x == null || y == null) {
      throw new IllegalStateException("a missing array is a mistake already");
    }
    var labels = labels(y, yAt);
    var dims = x.shape();
    int first = hasTime ? 2 : 1;
    int rank = dims.length - first;
    if (rank < 1 || rank > 3 || Arrays.stream(dims).anyMatch(d -> d == 0)) {
      xAt.add(
          "must have shape [n, "
              + (hasTime ? "t, " : "")
              + "...] with one to three axes a sample, none of them 0, was "
              + Arrays.toString(dims));
    } else if (y.shape().length == 1 && labels.length != dims[0]) {
      yAt.add("has " + labels.length + " labels for " + dims[0] + " samples");
    } else if (4L * x.size() > maxBytes) {
      xAt.add(
          "takes "
              + 4L * x.size()
              + " bytes, more than the "
              + maxBytes
              + " that a data set may take");
    }
    mistakes.throwIfAny();
    var values = x.floats();
    scale(values, x.kind() != 'f' && !hasTime, xAt);
    mistakes.throwIfAny();
    // An image without channels has one.
    var shape =
        rank == 2
            ? Shape.of(1, dims[first], dims[first + 1])
            : Shape.of(Arrays.copyOfRange(dims, first, dims.length));
    return new Dataset(name, shape, hasTime ? dims[1] : 0, values, labels, labels.length);
  }

  private static int[] labels(Npz.Array y, Mistakes at) {
    if (y.shape().length != 1) {
      at.add("must have shape [n], was " + Arrays.toString(y.shape()));
      return new int[0];
    }
    for (int i = 0; i < y.size(); i++) {
      double label = y.value(i);
      if (label != Math.rint(label) || label < 0 || label > MAX_LABEL) {
        at.in(i).add("must be a whole number from 0 to " + MAX_LABEL + ", was " + label);
        break;
      }
    }
    return y.ints();
  }

  private static void scale(float[] values, boolean grey, Mistakes at) {
    float max = 0;
    for (float value : values) {
      if (!Float.isFinite(value) || grey && (value < 0 || value > 255)) {
        at.add(
            "must hold "
                + (grey ? "grey levels from 0 to 255" : "finite numbers")
                + ", but holds "
                + value);
        return;
      }
      max = Math.max(max, value);
    }
    if (grey && max > 1) {
      float white = max > 16 ? 255 : 16;
      for (int i = 0; i < values.length; i++) {
        values[i] /= white;
      }
    }
  }
}
