package dev.spikewise.interop.nir;

import dev.spikewise.interop.BoundedHdf5;
import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.Tensor;
import io.jhdf.api.Dataset;
import io.jhdf.api.Group;
import io.jhdf.api.Node;
import io.jhdf.api.dataset.ChunkedDataset;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads groups, texts and arrays of an untrusted HDF5 file. The total size of all arrays is
 * limited; compressed chunks count with their unpacked size and must not exceed their declared
 * size.
 */
final class Hdf5 {

  static final int MAX_TEXT = 4096;

  private static final long MAX_CHUNKS = 1 << 17;

  private static final int DEFLATE = 1;
  private static final int SHUFFLE = 2;
  private static final int FLETCHER_32 = 3;

  private long bytesLeft;

  /**
   * @param maxBytes maximum total size of all arrays in bytes
   */
  Hdf5(long maxBytes) {
    bytesLeft = maxBytes;
  }

  /**
   * Reads a dataset as a String or as a Tensor of numbers; null for other types.
   *
   * @param path path of the group that contains the dataset
   */
  @Nullable Object value(Dataset dataset, String path) {
    charge(dataset, path + "/" + dataset.getName(), 1);
    Object data =
        within(
            dataset,
            path + "/" + dataset.getName(),
            () -> dataset.isScalar() ? dataset.getData() : dataset.getDataFlat());
    if (data instanceof String text) {
      return shorten(text);
    }
    float[] values =
        switch (data) {
          case Number n -> new float[] {n.floatValue()};
          case float[] floats -> floats;
          case double[] doubles -> floats(doubles.length, i -> (float) doubles[i]);
          case long[] longs -> floats(longs.length, i -> longs[i]);
          case int[] ints -> floats(ints.length, i -> ints[i]);
          case short[] shorts -> floats(shorts.length, i -> shorts[i]);
          case byte[] signed -> floats(signed.length, i -> signed[i]);
          case null, default -> null;
        };
    return values == null
        ? null
        : new Tensor(data instanceof Number ? new int[0] : dataset.getDimensions(), values);
  }

  String text(Group group, String name) {
    if (value(dataset(group, name), name) instanceof String text) {
      return text;
    }
    throw new UnreadableFileException(
        "not a NIR file: " + group.getPath() + name + " is not a text");
  }

  /** Counts {@code times} reads of an array against the limit. */
  private void charge(Dataset dataset, String path, long times) {
    if (!(dataset instanceof ChunkedDataset chunked)) {
      charge(Math.multiplyExact(times, Math.max(1, dataset.getSizeInBytes())), path);
      return;
    }
    int[] chunk = chunked.getChunkDimensions();
    long[] size = dataset.getDimensionsAsLong();
    long bytes = Math.max(1, dataset.getDataType().getSize());
    long chunks = 1;
    for (int d = 0; d < chunk.length; d++) {
      bytes = Math.multiplyExact(bytes, chunk[d]);
      chunks = Math.multiplyExact(chunks, Math.ceilDiv(size[d], chunk[d]));
    }
    if (chunks > MAX_CHUNKS) {
      throw new InvalidSpecException(
          path, "has " + chunks + " chunks; there may be at most " + MAX_CHUNKS);
    }
    charge(Math.multiplyExact(times, Math.multiplyExact(bytes, chunks)), path);
    checkFilters(dataset, path);
  }

  private void charge(long bytes, String path) {
    if (bytes > bytesLeft) {
      throw new InvalidSpecException(
          path, "takes " + bytes + " bytes, more than the " + bytesLeft + " bytes left");
    }
    bytesLeft -= bytes;
  }

  /** Only deflate can expand data, and it must be the first filter to be undone. */
  private static void checkFilters(Dataset dataset, String path) {
    boolean deflated = false;
    for (var filter : dataset.getFilters()) {
      boolean known =
          switch (filter.getId()) {
            case DEFLATE -> !deflated;
            case SHUFFLE -> !deflated;
            case FLETCHER_32 -> true;
            default -> false;
          };
      if (!known) {
        throw new InvalidSpecException(
            path,
            "uses the filters "
                + dataset.getFilters()
                + "; an array may use shuffle, then gzip, then fletcher32");
      }
      deflated |= filter.getId() == DEFLATE;
    }
  }

  private static <T> T within(Dataset dataset, String path, Supplier<T> reading) {
    try {
      return BoundedHdf5.within(dataset, reading);
    } catch (IllegalArgumentException e) {
      throw new InvalidSpecException(path, String.valueOf(e.getMessage()));
    }
  }

  static Group group(Group parent, String name) {
    Node child = parent.getChildren().get(name);
    if (child == null) {
      throw new UnreadableFileException(
          "not a NIR file: it has no group " + parent.getPath() + name);
    }
    return asGroup(child, parent.getPath() + name);
  }

  static Group asGroup(Node node, String path) {
    // Refuses links, which could lead to another file on this machine.
    if (node.isLink() || !(node instanceof Group group)) {
      throw new UnreadableFileException("not a NIR file: " + path + " is not a group");
    }
    return group;
  }

  static Dataset dataset(Group parent, String name) {
    if (parent.getChildren().get(name) instanceof Dataset dataset) {
      return dataset;
    }
    throw new UnreadableFileException("not a NIR file: it has no " + parent.getPath() + name);
  }

  static String shorten(String text) {
    return text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) : text;
  }

  /** Values of the elements of an array. */
  private interface FloatAt {
    float get(int i);
  }

  private static float[] floats(int n, FloatAt source) {
    var floats = new float[n];
    for (int i = 0; i < n; i++) {
      floats[i] = source.get(i);
    }
    return floats;
  }

  /** Reads the pairs of texts in {@code table} one by one. */
  List<List<String>> pairs(Dataset table, String path, int most) {
    long[] shape = table.getDimensionsAsLong();
    if (shape.length != 2 || shape[1] != 2 || shape[0] > most) {
      throw new InvalidSpecException(path, "must be pairs of node names, at most " + most);
    }
    // Reading a row of a compressed table unpacks the whole chunk each time.
    charge(table, path, table.getFilters().isEmpty() ? 1 : Math.max(1, shape[0]));
    var pairs = new ArrayList<List<String>>();
    for (long row = 0; row < shape[0]; row++) {
      long at = row;
      // Reads row by row, because many names of a malicious file may share one long text.
      Object[] names =
          (Object[])
              ((Object[])
                      within(
                          table, path, () -> table.getData(new long[] {at, 0}, new int[] {1, 2})))
                  [0];
      pairs.add(List.of(shorten((String) names[0]), shorten((String) names[1])));
    }
    return pairs;
  }
}
