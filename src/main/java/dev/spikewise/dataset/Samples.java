package dev.spikewise.dataset;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Idx;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.data.SampleValues;
import dev.spikewise.spec.Preparation;
import dev.spikewise.spec.Shape;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.InputStreamSource;

/**
 * Reads a data set from uploaded files. Floats and spikes are used unchanged. Integers are grey
 * levels and are scaled to 0..1: divided by 16 when no training or test sample exceeds 16, as in
 * the bundled digits, otherwise by 255. Arrays of zeros and ones are not scaled.
 */
final class Samples {

  private static final int MAX_LABEL = 65_535;
  private static final int MAX_EVENTS_PER_VALUE = 255;

  /** Names of the arrays in the order of preference: Spikewise's own, Keras's and MedMNIST's. */
  private static final List<String> X = List.of("x", "x_train", "train_images");

  private static final List<String> Y = List.of("y", "y_train", "train_labels");
  private static final List<String> X_TEST = List.of("x_test", "test_images");
  private static final List<String> Y_TEST = List.of("y_test", "test_labels");
  private static final String SPIKES = "spikes";
  private static final String SPIKES_TEST = "spikes_test";
  private static final Set<String> NAMES =
      Stream.of(X, Y, X_TEST, Y_TEST, List.of(SPIKES, SPIKES_TEST))
          .flatMap(List::stream)
          .collect(Collectors.toUnmodifiableSet());

  /**
   * Bytes per image: three planes of 32 x 32. One label precedes it in CIFAR-10, a coarse and a
   * fine label in CIFAR-100.
   */
  private static final int CIFAR_IMAGE = 3 * 32 * 32;

  /** Bytes of memory per array of events in addition to the events. */
  private static final int EVENTS_ARRAY = 24;

  private static final byte[] HDF5 = {(byte) 0x89, 'H', 'D', 'F'};

  private final String name;
  private final Map<String, InputStreamSource> files;
  private final Recipe recipe;
  private final Unpacking unpacking;
  private final long maxBytes;
  private final Mistakes mistakes = new Mistakes();
  private final Reading.Notes notes = new Reading.Notes();

  private Samples(
      String name, Map<String, InputStreamSource> files, Recipe recipe, Unpacking unpacking) {
    this.name = name;
    this.files = files;
    this.recipe = recipe;
    this.unpacking = unpacking;
    this.maxBytes = unpacking.maxSize();
  }

  /**
   * @param files files by the name of their upload part: {@code file}; or {@code images} and {@code
   *     labels}, optionally with {@code test_images} and {@code test_labels}; or {@code events};
   *     and the recipe
   * @throws InvalidSpecException with all mistakes in the files
   */
  static ReadDataset read(String name, Map<String, InputStreamSource> files, Unpacking unpacking)
      throws IOException {
    long maxBytes = unpacking.maxSize();
    var recipe = Recipe.read(files);
    var part = files.containsKey("events") ? "events" : "file";
    var file = files.get(part);
    if (file != null && startsWith(file, HDF5)) {
      return Recordings.readSpikeTrains(
          name, part, bytes(file, part, unpacking), recipe, unpacking);
    }
    if (file != null && part.equals("events")) {
      return Recordings.read(name, file, recipe, unpacking);
    }
    return new Samples(name, files, recipe, unpacking).read();
  }

  private static boolean startsWith(InputStreamSource file, byte[] magic) throws IOException {
    try (var in = file.getInputStream()) {
      return Arrays.equals(in.readNBytes(magic.length), magic);
    }
  }

  private static byte[] bytes(InputStreamSource file, String part, Unpacking unpacking)
      throws IOException {
    long maxBytes = Math.min(unpacking.maxSize(), Integer.MAX_VALUE - 8);
    long size = 0;
    try (var in = file.getInputStream()) {
      // The size is determined first, so that only one array of the right size is allocated.
      var buffer = new byte[1 << 16];
      for (int n = in.read(buffer); n >= 0 && size <= maxBytes; n = in.read(buffer)) {
        size += n;
      }
    }
    if (size > maxBytes) {
      throw new InvalidSpecException(
          "/" + part, "is larger than the " + maxBytes + " bytes that a data set may take");
    }
    unpacking.reserve(size);
    var bytes = new byte[(int) size];
    try (var in = file.getInputStream()) {
      in.readNBytes(bytes, 0, bytes.length);
    }
    return bytes;
  }

  /** Images or spikes and their labels, each with the pointer of its place in the request. */
  private record Part(Npz.Array x, Mistakes xAt, Npz.Array y, Mistakes yAt) {}

  private ReadDataset read() throws IOException {
    if (recipe.preparation().needsEvents()) {
      throw new InvalidSpecException(
          "/preparation",
          "has steps that apply to event recordings only: leave out all but crop and augmentation");
    }
    if (!files.containsKey("file")) {
      return idx();
    }
    var file = files.get("file");
    return file != null && !startsWith(file, new byte[] {'P', 'K'})
        ? cifar(bytes(file, "file", unpacking))
        : npz();
  }

  private ReadDataset npz() throws IOException {
    var at = mistakes.in("file");
    var skipped = new TreeMap<String, String>();
    var arrays = array("file", in -> Npz.read(in, maxBytes, unpacking::reserve, skipped));
    skipped.forEach(
        (key, reason) -> {
          if (NAMES.contains(key)) {
            at.in(key).add(reason);
          } else {
            notes.leaveOut("array " + reason);
          }
        });
    mistakes.throwIfAny();
    var x = first(X, arrays);
    var y = first(Y, arrays);
    boolean spikes = arrays.containsKey(SPIKES);
    at.require(
        x != null || spikes,
        "x",
        "is missing: store the images as x or the spike trains as spikes; found "
            + arrays.keySet());
    at.require(
        x == null || !spikes,
        SPIKES,
        "must be left out of a file that has the images " + x + ": upload them as two data sets");
    at.require(
        y != null, "y", "is missing: give the label of each sample; found " + arrays.keySet());
    mistakes.throwIfAny();
    var of = spikes ? SPIKES : String.valueOf(x);
    var testOf = spikes ? SPIKES_TEST : first(X_TEST, arrays);
    var testY = first(Y_TEST, arrays);
    boolean hasTest = testOf != null && arrays.containsKey(testOf);
    if (hasTest || testY != null) {
      at.require(
          hasTest,
          spikes ? SPIKES_TEST : "x_test",
          "is missing, but the file has test labels: add the test samples or remove the labels");
      at.require(
          testY != null,
          "y_test",
          "is missing, but the file has " + testOf + ": add the labels of the test samples");
      mistakes.throwIfAny();
    }
    var used = new TreeSet<String>();
    for (var key : new String[] {of, y, hasTest ? testOf : null, testY}) {
      if (key != null) {
        used.add(key);
      }
    }
    arrays.keySet().stream()
        .filter(key -> !used.contains(key))
        .forEach(key -> notes.leaveOut("array " + key));
    boolean medMnist = of.equals("train_images");
    return dataset(
        part(arrays, of, String.valueOf(y), at),
        hasTest ? part(arrays, String.valueOf(testOf), String.valueOf(testY), at) : null,
        spikes,
        medMnist);
  }

  private static @Nullable String first(List<String> names, Map<String, ?> among) {
    return names.stream().filter(among::containsKey).findFirst().orElse(null);
  }

  private static Part part(Map<String, Npz.Array> arrays, String x, String y, Mistakes at) {
    var images = arrays.get(x);
    var labels = arrays.get(y);
    if (images == null || labels == null) {
      throw new IllegalStateException("a missing array is a mistake already");
    }
    return new Part(images, at.in(x), labels, at.in(y));
  }

  private ReadDataset idx() throws IOException {
    return dataset(
        idx("images", "labels"),
        files.containsKey("test_images") ? idx("test_images", "test_labels") : null,
        false,
        false);
  }

  private Part idx(String images, String labels) throws IOException {
    return new Part(
        array(images, in -> Idx.read(in, maxBytes, unpacking::reserve)),
        mistakes.in(images),
        array(labels, in -> Idx.read(in, maxBytes, unpacking::reserve)),
        mistakes.in(labels));
  }

  /** Reads a binary batch of CIFAR-10 or CIFAR-100. */
  private ReadDataset cifar(byte[] file) {
    boolean ten = file.length > 0 && file.length % (CIFAR_IMAGE + 1) == 0;
    boolean hundred = file.length > 0 && file.length % (CIFAR_IMAGE + 2) == 0;
    int head = ten ? 1 : 2;
    int n = file.length / (CIFAR_IMAGE + head);
    for (int i = 0; i < n && (ten || hundred); i++) {
      int at = i * (CIFAR_IMAGE + head);
      ten &= (file[at] & 0xff) < 10;
      // The coarse label, which is not used, tells a batch from a text file of the same length.
      hundred &= (file[at] & 0xff) < 20 && (file[at + head - 1] & 0xff) < 100;
    }
    if (!ten && !hundred) {
      throw new InvalidSpecException(
          "/file",
          FileKind.of(file)
              .map(FileKind::advice)
              .orElse(
                  "is damaged or truncated, or not an .npz file, HDF5 file of spike trains (SHD,"
                      + " SSC) or binary batch of CIFAR"));
    }
    notes.assume(
        ten
            ? "format: a binary batch of CIFAR-10"
            : "format: a binary batch of CIFAR-100, with its fine labels");
    unpacking.reserve(file.length);
    var images = new byte[n * CIFAR_IMAGE];
    var labels = new byte[n];
    for (int i = 0; i < n; i++) {
      int at = i * (CIFAR_IMAGE + head);
      labels[i] = file[at + head - 1];
      System.arraycopy(file, at + head, images, i * CIFAR_IMAGE, CIFAR_IMAGE);
    }
    var x = new Npz.Array(new int[] {n, 3, 32, 32}, 'u', 1, ByteBuffer.wrap(images));
    var y = new Npz.Array(new int[] {n}, 'u', 1, ByteBuffer.wrap(labels));
    return dataset(new Part(x, mistakes.in("file"), y, mistakes.in("file")), null, false, false);
  }

  private interface Reader<T> {
    T read(InputStream in) throws IOException;
  }

  private <T> T array(String part, Reader<T> reader) throws IOException {
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

  private ReadDataset dataset(
      Part train, @Nullable Part test, boolean hasTime, boolean mayBeChannelsLast) {
    int[] labels = labels(train, hasTime);
    int[] testLabels = test == null ? new int[0] : labels(test, hasTime);
    mistakes.throwIfAny();
    var dims = train.x().shape();
    if (test != null
        && !Arrays.equals(dims, 1, dims.length, test.x().shape(), 1, test.x().shape().length)) {
      test.xAt()
          .add(
              "has samples of another shape, %s, than the training samples, %s"
                  .formatted(
                      Arrays.toString(
                          Arrays.copyOfRange(test.x().shape(), 1, test.x().shape().length)),
                      Arrays.toString(Arrays.copyOfRange(dims, 1, dims.length))));
    }
    if (test != null
        && recipe.scale() == null
        && !hasTime
        && (train.x().kind() == 'f') != (test.x().kind() == 'f')) {
      test.xAt()
          .add(
              "holds %s but the training samples are %s, so that no scale fits both: store both as integers or both as floats"
                  .formatted(numbers(test.x()), numbers(train.x())));
    }
    mistakes.throwIfAny();
    int n = labels.length + testLabels.length;
    int trainSize = dims[0];
    if (labels.length > trainSize) {
      notes.assume("y: one label per time step");
    }
    if (test != null && (labels.length > trainSize) != (testLabels.length > test.x().shape()[0])) {
      test.yAt().add("must have one label per sample or per time step, as the training labels do");
      mistakes.throwIfAny();
    }
    var all = Arrays.copyOf(labels, n);
    System.arraycopy(testLabels, 0, all, labels.length, testLabels.length);
    int first = hasTime ? 2 : 1;
    int lowest = Arrays.stream(all).min().orElse(0);
    if (lowest > 0) {
      notes.assume(
          "labels: they begin at %d, and no sample has a smaller one; the network needs an output for label 0 too"
              .formatted(lowest));
    }
    boolean channelsLast =
        recipe.channelsLast() || mayBeChannelsLast && dims.length == 4 && dims[3] == 3;
    if (channelsLast && !recipe.channelsLast()) {
      notes.assume("layout: channels_last, as in MedMNIST");
    }
    if (channelsLast && dims.length - first != 3) {
      throw new InvalidSpecException(
          "/layout",
          "must be left out: channels_last requires samples of shape [n, %sheight, width, channels], but these have %s"
              .formatted(hasTime ? "t, " : "", Arrays.toString(dims)));
    }
    var shape = shape(dims, first, channelsLast);
    var values = hasTime ? sparse(train, test, shape, channelsLast) : null;
    if (values == null) {
      values = dense(train, test, shape, hasTime, channelsLast);
    }
    var augmentation = recipe.preparation().augmentation();
    if (augmentation != null && shape.rank() < 3) {
      throw new InvalidSpecException(
          "/preparation/augmentation", "must be left out for samples without height and width");
    }
    var dataset =
        new Dataset(name, shape, hasTime ? dims[1] : 0, values, all, trainSize, augmentation);
    var cropped = crop(dataset);
    return new ReadDataset(cropped, notes.of(cropped, recipe));
  }

  private static String numbers(Npz.Array array) {
    return array.kind() == 'f' ? "floats" : "integers";
  }

  /** Shape of a sample; an image without a channel axis has one channel. */
  private static Shape shape(int[] dims, int first, boolean channelsLast) {
    if (channelsLast) {
      return Shape.of(dims[first + 2], dims[first], dims[first + 1]);
    }
    return dims.length - first == 2
        ? Shape.of(1, dims[first], dims[first + 1])
        : Shape.of(Arrays.copyOfRange(dims, first, dims.length));
  }

  /** Checks the arrays of a part and returns its labels. */
  private int[] labels(Part part, boolean hasTime) {
    var dims = part.x().shape();
    boolean perStep =
        hasTime && dims.length > 1 && part.y().shape().length == 2 && part.y().shape()[1] > 1;
    var labels = labels(part.y(), perStep, part.yAt());
    int rank = dims.length - (hasTime ? 2 : 1);
    if (rank < 1 || rank > 3 || Arrays.stream(dims).anyMatch(d -> d == 0)) {
      part.xAt()
          .add(
              "must have shape [n, "
                  + (hasTime ? "t, " : "")
                  + "...] with one to three axes per sample, none of them 0, but was "
                  + Arrays.toString(dims));
    } else if (mistakes.isEmpty() && part.y().shape()[0] != dims[0]) {
      part.yAt()
          .add(
              "has %d labels for %d samples%s"
                  .formatted(
                      part.y().shape()[0],
                      dims[0],
                      hasTime && part.y().shape()[0] == dims[1]
                          ? ": samples come first, so store spikes.swapaxes(0, 1)"
                          : ""));
    } else if (mistakes.isEmpty() && perStep && part.y().shape()[1] != dims[1]) {
      part.yAt()
          .add(
              "has labels for "
                  + part.y().shape()[1]
                  + " time steps, but the samples have "
                  + dims[1]);
    }
    return labels;
  }

  /**
   * Reads labels of shape [n], [n, 1] as stored by Keras and MedMNIST, or [n, t] for one label per
   * time step.
   */
  private static int[] labels(Npz.Array y, boolean perStep, Mistakes at) {
    if (y.shape().length != 1 && !perStep && !(y.shape().length == 2 && y.shape()[1] == 1)) {
      at.add(
          "must have shape [n] or [n, 1], or [n, t] for spike trains, but was %s: for one-hot labels, store y.argmax(1)"
              .formatted(Arrays.toString(y.shape())));
      return new int[0];
    }
    for (int i = 0; i < y.size(); i++) {
      double label = y.value(i);
      if (label != Math.rint(label) || label < 0 || label > MAX_LABEL) {
        at.in(i).add("must be a whole number from 0 to " + MAX_LABEL + " but was " + label);
        break;
      }
    }
    return y.ints();
  }

  /** Index in the sample of value {@code i} of the file, which may be channels last. */
  private static int place(int i, Shape shape, boolean channelsLast) {
    if (!channelsLast) {
      return i;
    }
    int frame = shape.size();
    int channels = shape.dim(0);
    int inFrame = i % frame;
    int channel = inFrame % channels;
    return i - inFrame + channel * (frame / channels) + inFrame / channels;
  }

  /** Stores spike counts as events when that takes less memory than floats; otherwise null. */
  private @Nullable SampleValues sparse(
      Part train, @Nullable Part test, Shape shape, boolean channelsLast) {
    int size = train.x().size() / train.x().shape()[0];
    int n = train.x().shape()[0] + (test == null ? 0 : test.x().shape()[0]);
    var places = new int[n][];
    long events = 0;
    long taken = 0;
    for (int s = 0; s < n; s++) {
      boolean training = s < train.x().shape()[0];
      var x = training || test == null ? train.x() : test.x();
      int from = (training ? s : s - train.x().shape()[0]) * size;
      var found = new int[16];
      int count = 0;
      for (int i = 0; i < size; i++) {
        double value = x.value(from + i);
        if (value < 0 || value > MAX_EVENTS_PER_VALUE || value != Math.rint(value)) {
          unpacking.release(taken);
          return null;
        }
        for (int e = 0; e < (int) value; e++) {
          if (count == found.length) {
            found = Arrays.copyOf(found, 2 * count);
          }
          found[count++] = place(i, shape, channelsLast);
        }
      }
      long bytes = EVENTS_ARRAY + (long) Integer.BYTES * count;
      unpacking.reserve(bytes);
      taken += bytes;
      places[s] = Arrays.copyOf(found, count);
      events += count;
      if (events > (long) n * size / 2) {
        unpacking.release(taken);
        return null;
      }
    }
    var values = new SampleValues.Events(places, size);
    if (values.bytes() > maxBytes) {
      throw new InvalidSpecException(
          "/file/" + SPIKES,
          "takes %d bytes of events, more than the %d that a data set may take"
              .formatted(values.bytes(), maxBytes));
    }
    return values;
  }

  private SampleValues dense(
      Part train, @Nullable Part test, Shape shape, boolean hasTime, boolean channelsLast) {
    long count = (long) train.x().size() + (test == null ? 0 : test.x().size());
    if (Float.BYTES * count > maxBytes || count > Integer.MAX_VALUE - 8) {
      train
          .xAt()
          .add(
              "takes %d bytes, test samples included, more than the %d that a data set may take"
                  .formatted(Float.BYTES * count, maxBytes));
      mistakes.throwIfAny();
    }
    unpacking.reserve(Float.BYTES * count);
    int sample = train.x().size() / train.x().shape()[0];
    // Avoids a copy when the values already have the right order.
    boolean inPlace = test == null && !channelsLast;
    var values = inPlace ? train.x().floats() : new float[(int) count];
    if (!inPlace) {
      copy(train.x(), values, 0, sample, shape, channelsLast);
    }
    if (test != null) {
      copy(test.x(), values, train.x().size(), sample, shape, channelsLast);
    }
    boolean grey = !hasTime && train.x().kind() != 'f' && (test == null || test.x().kind() != 'f');
    scale(values, grey, train.xAt());
    mistakes.throwIfAny();
    return new SampleValues.Dense(values, sample);
  }

  private static void copy(
      Npz.Array from, float[] into, int at, int sample, Shape shape, boolean channelsLast) {
    for (int i = 0; i < from.size(); i++) {
      int inSample = i % sample;
      into[at + i - inSample + place(inSample, shape, channelsLast)] = (float) from.value(i);
    }
  }

  /** Scales training and test samples by the same factor. */
  private void scale(float[] values, boolean grey, Mistakes at) {
    boolean levels = grey && recipe.scale() == null;
    float max = 0;
    for (float value : values) {
      if (!Float.isFinite(value) || levels && (value < 0 || value > 255)) {
        at.add(
            "must hold "
                + (levels ? "grey levels from 0 to 255" : "finite numbers")
                + ", but holds "
                + value
                + (levels ? ": store floats, or give scale" : ""));
        return;
      }
      max = Math.max(max, value);
    }
    if (recipe.scale() != null) {
      notes.scale = recipe.scale();
    } else if (grey && max > 1) {
      notes.scale = max > 16 ? 255 : 16;
      notes.assume(
          "scale: grey levels are divided by %d because the highest of all samples is %d"
              .formatted((int) notes.scale, (int) max));
    }
    if (notes.scale != 1) {
      float white = (float) notes.scale;
      for (int i = 0; i < values.length; i++) {
        values[i] /= white;
      }
    }
  }

  private Dataset crop(Dataset dataset) {
    Preparation.Crop crop = recipe.preparation().crop();
    if (crop == null) {
      return dataset;
    }
    var shape = dataset.shape();
    if (shape.rank() < 3
        || crop.top() + crop.height() > shape.dim(1)
        || crop.left() + crop.width() > shape.dim(2)) {
      throw new InvalidSpecException(
          "/preparation/crop", "must lie within the samples, which have shape " + shape);
    }
    var into = Shape.of(shape.dim(0), crop.height(), crop.width());
    int planes = dataset.values().sampleSize() / (shape.dim(1) * shape.dim(2));
    int size = planes * crop.height() * crop.width();
    var values =
        dataset.values() instanceof SampleValues.Events events
            ? new SampleValues.Events(croppedEvents(events.places(), shape, crop), size)
            : new SampleValues.Dense(croppedPixels(dataset, crop, planes, size), size);
    return new Dataset(
        dataset.name(),
        into,
        dataset.timeSteps(),
        values,
        dataset.labels(),
        dataset.trainSize(),
        dataset.augmentation());
  }

  private static int[][] croppedEvents(int[][] places, Shape shape, Preparation.Crop crop) {
    int height = shape.dim(1);
    int width = shape.dim(2);
    var cropped = new int[places.length][];
    for (int s = 0; s < places.length; s++) {
      cropped[s] =
          Arrays.stream(places[s])
              .filter(
                  place -> {
                    int row = place / width % height - crop.top();
                    int column = place % width - crop.left();
                    return row >= 0 && row < crop.height() && column >= 0 && column < crop.width();
                  })
              .map(
                  place ->
                      (place / (height * width) * crop.height()
                                  + (place / width % height - crop.top()))
                              * crop.width()
                          + place % width
                          - crop.left())
              .toArray();
    }
    return cropped;
  }

  private float[] croppedPixels(Dataset dataset, Preparation.Crop crop, int planes, int size) {
    var shape = dataset.shape();
    unpacking.reserve((long) Float.BYTES * dataset.size() * size);
    var values = new float[dataset.size() * size];
    var sample = new float[dataset.values().sampleSize()];
    for (int s = 0; s < dataset.size(); s++) {
      dataset.values().read(s, sample);
      for (int p = 0; p < planes; p++) {
        for (int y = 0; y < crop.height(); y++) {
          System.arraycopy(
              sample,
              (p * shape.dim(1) + crop.top() + y) * shape.dim(2) + crop.left(),
              values,
              s * size + (p * crop.height() + y) * crop.width(),
              crop.width());
        }
      }
    }
    return values;
  }
}
