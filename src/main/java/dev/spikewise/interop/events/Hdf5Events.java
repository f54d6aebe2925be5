package dev.spikewise.interop.events;

import dev.spikewise.interop.BoundedHdf5;
import dev.spikewise.interop.FileMemory;
import dev.spikewise.problem.ProblemException;
import io.jhdf.HdfFile;
import io.jhdf.api.Dataset;
import io.jhdf.api.Group;
import io.jhdf.api.Node;
import io.jhdf.exceptions.UnsupportedHdfException;
import io.jhdf.object.datatype.CompoundDataType;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * HDF5 files: a group with one array per column (event_utils, DSEC), records (tonic's caches,
 * Prophesee), rows [n, 4] (v2e), and the spike trains of SHD and SSC, where one file is a whole
 * data set.
 */
final class Hdf5Events {

  private static final int DEPTH = 3;

  static final String KNOWN =
      "a group with the arrays x, y, t, p (or xs, ys, ts, ps); records with these fields; an array"
          + " events [n, 4]; data/0 and target/0 of a tonic cache; spikes/times, spikes/units and"
          + " labels of SHD and SSC; the columns of a MATLAB v7.3 file";

  private static final Pattern FILTER_NUMBER = Pattern.compile("filter.*\\bid=(\\d+)");

  /** Filters registered with the HDF Group that event recordings are written with, by number. */
  private static final Map<String, String> FILTERS =
      Map.of(
          "4", "SZIP",
          "32001", "Blosc",
          "32013", "ZFP",
          "32015", "Zstandard",
          "32026", "Blosc2",
          "36559", "Prophesee's ECF codec");

  private Hdf5Events() {}

  private interface Reading<T> {
    T read(HdfFile file);
  }

  private static <T> T with(byte[] file, FileMemory memory, Reading<T> reading) {
    try {
      return BoundedHdf5.read(file, memory, reading::read);
    } catch (UnsupportedHdfException e) {
      throw new IllegalArgumentException(
          "it uses a part of HDF5 that is not supported ("
              + e.getMessage()
              + "): write it again with gzip, for example h5repack -f GZIP=4",
          e);
    } catch (IllegalArgumentException | ProblemException e) {
      throw e;
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
      // jHDF trusts the metadata of a file and fails with various exceptions when they are wrong.
      throw new IllegalArgumentException(unreadable(String.valueOf(e.getMessage())), e);
    }
  }

  private static String unreadable(String message) {
    var number = FILTER_NUMBER.matcher(message);
    if (!number.find()) {
      return "it is damaged or truncated (" + message + ")";
    }
    var id = number.group(1);
    return ("its chunks are compressed with %s (filter %s), which is not supported: write it again"
            + " with gzip, for example h5repack -f GZIP=4")
        .formatted(FILTERS.getOrDefault(id, "an unknown filter"), id);
  }

  static EventRecording read(byte[] file, EventOptions options) {
    return with(file, options.memory(), hdf -> recording(hdf, options));
  }

  /** Whether the file is a whole data set of spike trains, as SHD and SSC are. */
  static boolean isSpikeTrains(byte[] file) {
    return with(
        file,
        FileMemory.UNLIMITED,
        hdf ->
            hdf.getChild("spikes") instanceof Group spikes
                && spikes.getChild("times") instanceof Dataset
                && spikes.getChild("units") instanceof Dataset);
  }

  /**
   * SHD and SSC: {@code spikes/times} in seconds and {@code spikes/units}, arrays of a length per
   * sample, and {@code labels}. Each unit is a column of row 0, each spike an event of polarity 1.
   */
  static List<EventRecording> spikeTrains(byte[] file, EventOptions options) {
    return with(file, options.memory(), hdf -> spikeTrains(hdf, options));
  }

  private static List<EventRecording> spikeTrains(HdfFile hdf, EventOptions options) {
    var times = dataset(hdf, "spikes/times");
    var units = dataset(hdf, "spikes/units");
    int samples = options.events(times.getSize());
    options.events(dataset(hdf, "labels").getSize());
    Object labels = flat(dataset(hdf, "labels"));
    if (samples != units.getSize() || samples != Array.getLength(labels)) {
      throw new IllegalArgumentException(
          "spikes/times has %d samples, spikes/units %d and labels %d"
              .formatted(samples, units.getSize(), Array.getLength(labels)));
    }
    var label = Column.of(labels, 1, 0);
    var unit = options.timeUnit() == null ? TimeUnit.S : options.timeUnit();
    var recordings = new ArrayList<EventRecording>();
    for (int s = 0; s < samples; s++) {
      // Reads samples one by one, because many samples of a malicious file may share one long
      // array.
      Object sampleTimes = sample(times, s);
      Object sampleUnits = sample(units, s);
      int n = options.events(Array.getLength(sampleTimes));
      if (n != Array.getLength(sampleUnits)) {
        throw new IllegalArgumentException(
            "sample %d has %d times and %d units".formatted(s, n, Array.getLength(sampleUnits)));
      }
      var x = new int[n];
      var polarity = new byte[n];
      var t = new long[n];
      for (int i = 0; i < n; i++) {
        x[i] = ((Number) Array.get(sampleUnits, i)).intValue();
        polarity[i] = 1;
        double time = ((Number) Array.get(sampleTimes, i)).doubleValue();
        if (!Double.isFinite(time)) {
          throw new IllegalArgumentException("sample " + s + " contains the time " + time);
        }
        t[i] = Math.round(time * unit.microseconds());
      }
      recordings.add(
          new Columns(options, unit)
              .sorted(x, new int[n], polarity, t, 0L)
              .withLabel(Math.toIntExact(label.whole(s))));
    }
    return recordings;
  }

  private static Object sample(Dataset samples, int number) {
    return ((Object[])
            BoundedHdf5.within(samples, () -> samples.getData(new long[] {number}, new int[] {1})))
        [0];
  }

  private static Object flat(Dataset array) {
    return BoundedHdf5.within(array, array::getDataFlat);
  }

  private static Dataset dataset(HdfFile hdf, String path) {
    Group group = hdf;
    var names = path.split("/");
    for (int i = 0; i < names.length - 1; i++) {
      if (!(group.getChild(names[i]) instanceof Group next)) {
        throw new IllegalArgumentException("there is no " + path);
      }
      group = next;
    }
    if (group.getChild(names[names.length - 1]) instanceof Dataset dataset) {
      return dataset;
    }
    throw new IllegalArgumentException("there is no " + path);
  }

  private static EventRecording recording(HdfFile hdf, EventOptions options) {
    var recordings = new LinkedHashMap<String, Supplier<EventRecording>>();
    find(hdf, DEPTH, options, recordings);
    Columns.requireOne(recordings.keySet());
    if (recordings.isEmpty()) {
      var content =
          hdf.getChildren().entrySet().stream()
              .map(
                  child ->
                      (child.getValue() instanceof Group ? "group " : "array ") + child.getKey())
              .collect(Collectors.toCollection(TreeSet::new));
      throw new IllegalArgumentException(
          String.join(", ", content) + ": not a layout known here; known: " + KNOWN);
    }
    return recordings.values().iterator().next().get().withLabel(label(hdf));
  }

  /** The label stored next to the events in tonic's caches. */
  private static @Nullable Integer label(HdfFile hdf) {
    if (hdf.getChild("target") instanceof Group target
        && target.getChild("0") instanceof Dataset label
        && label.getSize() == 1) {
      Object value = flat(label);
      var number = value.getClass().isArray() ? Array.get(value, 0) : value;
      return number instanceof Number whole ? (Integer) Math.toIntExact(whole.longValue()) : null;
    }
    return null;
  }

  /** Collects the recordings in a group and the groups below it, by their paths. */
  private static void find(
      Group group, int depth, EventOptions options, Map<String, Supplier<EventRecording>> found) {
    var arrays = new LinkedHashMap<String, Dataset>();
    group
        .getChildren()
        .forEach(
            (name, node) -> {
              if (node instanceof Dataset dataset) {
                arrays.put(name, dataset);
              }
            });
    if (Columns.complete(arrays.keySet())) {
      found.put(group.getPath(), () -> columns(arrays, options));
      return;
    }
    arrays.forEach(
        (name, array) -> {
          if (array.isCompound()) {
            if (array.getDataType() instanceof CompoundDataType type
                && Columns.complete(
                    type.getMembers().stream()
                        .map(CompoundDataType.CompoundDataMember::getName)
                        .collect(Collectors.toSet()))) {
              found.put(array.getPath(), () -> records(array, options));
            }
          } else if (array.getDimensions().length == 2
              && array.getDimensions()[1] == 4
              && (name.equals("events") || name.equals("0"))) {
            found.put(array.getPath(), () -> rows(array, options));
          }
        });
    for (Node node : group.getChildren().values()) {
      if (depth > 0 && node instanceof Group inner) {
        find(inner, depth - 1, options, found);
      }
    }
  }

  private static EventRecording columns(Map<String, Dataset> arrays, EventOptions options) {
    var columns = new LinkedHashMap<String, Column>();
    arrays.forEach(
        (name, array) -> {
          if (Columns.known(name)) {
            options.events(array.getSize());
            columns.put(name, Column.of(flat(array), 1, 0));
          }
        });
    return new Columns(options, null).named(columns);
  }

  private static EventRecording records(Dataset array, EventOptions options) {
    options.events(array.getSize());
    var columns = new LinkedHashMap<String, Column>();
    if (BoundedHdf5.within(array, array::getData) instanceof Map<?, ?> fields) {
      fields.forEach(
          (name, values) -> {
            if (Columns.known(String.valueOf(name))) {
              columns.put(String.valueOf(name), Column.of(values, 1, 0));
            }
          });
    }
    return new Columns(options, null).named(columns);
  }

  private static EventRecording rows(Dataset array, EventOptions options) {
    options.events(array.getSize() / 4);
    Object values = flat(array);
    var columns = new ArrayList<Column>();
    for (int c = 0; c < 4; c++) {
      columns.add(Column.of(values, 4, c));
    }
    return new Columns(options, null).unnamed(List.copyOf(columns));
  }
}
