package dev.spikewise.interop;

import dev.spikewise.snn.data.Npz;
import io.jhdf.HdfFile;
import io.jhdf.api.Dataset;
import io.jhdf.api.Group;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * One recording of an event camera, each event a pixel that became brighter (polarity 1) or darker
 * (0).
 *
 * @param t in the recording's own unit, not decreasing
 */
public record Events(int[] x, int[] y, int[] polarity, long[] t) {

  /** How the names of files with events end. */
  public static final Set<String> SUFFIXES = Set.of(".bin", ".npy", ".h5", ".hdf5");

  /**
   * Recordings of minutes have fewer; in memory an event takes ten times what it takes in a file.
   */
  private static final int MOST = 1 << 22;

  private static final int BYTES_PER_EVENT = 5;

  /** This row marks an overflow of the ATIS camera's 13-bit clock. */
  private static final int OVERFLOW_ROW = 240;

  private static final int OVERFLOW_TIME = 1 << 13;

  private static final Pattern FIELD = Pattern.compile("\\('(\\w+)', '([<>|=])([iufb?])(\\d?)'\\)");
  private static final Pattern LENGTH = Pattern.compile("'shape':\\s*\\((\\d+),?\\)");
  private static final int NPY_HEAD = 10;

  /** Names of the four columns in the order of the record, and what others call them. */
  private static final List<List<String>> COLUMNS =
      List.of(
          List.of("x", "xs"),
          List.of("y", "ys"),
          List.of("p", "polarity", "polarities", "ps"),
          List.of("t", "ts", "timestamp", "timestamps", "time"));

  /**
   * Reads a file by the end of its name: {@code .bin} of N-MNIST (Orchard et al. 2015,
   * doi:10.3389/fnins.2015.00437), a {@code .npy} of records with the fields x, y, t and p or of
   * rows [x, y, t, p], or an HDF5 file with the arrays x, y, t and p in its root or in a group
   * {@code events}.
   *
   * @throws UnreadableFileException where it is not such a file
   */
  public static Events read(String name, byte[] file) {
    Events events;
    try {
      if (name.endsWith(".bin")) {
        events = bin(file);
      } else if (name.endsWith(".npy")) {
        events = npy(name, file);
      } else {
        events = hdf5(file);
      }
    } catch (IllegalArgumentException
        | ArithmeticException
        | IOException
        | IndexOutOfBoundsException e) {
      throw new UnreadableFileException(name + " holds no events: " + e.getMessage(), e);
    }
    for (int i = 1; i < events.t.length; i++) {
      if (events.t[i] < events.t[i - 1]) {
        throw new UnreadableFileException(name + " goes back in time at event " + i);
      }
    }
    return events;
  }

  /** x, y, then one bit of polarity and 23 of time in microseconds, big endian. */
  private static Events bin(byte[] file) {
    if (file.length % BYTES_PER_EVENT != 0) {
      throw new IllegalArgumentException(
          file.length + " bytes are no whole number of events of " + BYTES_PER_EVENT);
    }
    int n = bounded(file.length / BYTES_PER_EVENT);
    var columns = new long[4][n];
    long overflow = 0;
    int kept = 0;
    for (int at = 0; at < file.length; at += BYTES_PER_EVENT) {
      int y = file[at + 1] & 0xff;
      if (y == OVERFLOW_ROW) {
        overflow += OVERFLOW_TIME;
        continue;
      }
      columns[0][kept] = file[at] & 0xff;
      columns[1][kept] = y;
      columns[2][kept] = file[at + 2] >> 7 & 1;
      columns[3][kept++] =
          overflow
              + ((file[at + 2] & 0x7f) << 16 | (file[at + 3] & 0xff) << 8 | file[at + 4] & 0xff);
    }
    return of(columns, kept);
  }

  private static Events npy(String name, byte[] file) throws IOException {
    var head = new String(file, 0, Math.min(file.length, 1 << 10), StandardCharsets.ISO_8859_1);
    if (head.contains("'descr': [")) {
      return records(head, file);
    }
    Npz.Array rows = Npz.readNpy(new ByteArrayInputStream(file), name, Integer.MAX_VALUE);
    if (rows.shape().length != 2 || rows.shape()[1] != 4) {
      throw new IllegalArgumentException(
          "rows [x, y, t, p] have shape [n, 4], these " + Arrays.toString(rows.shape()));
    }
    int n = bounded(rows.shape()[0]);
    var columns = new long[4][n];
    for (int i = 0; i < n; i++) {
      columns[0][i] = (long) rows.value(4 * i);
      columns[1][i] = (long) rows.value(4 * i + 1);
      columns[2][i] = (long) rows.value(4 * i + 3);
      columns[3][i] = (long) rows.value(4 * i + 2);
    }
    return of(columns, n);
  }

  private record Field(int offset, char kind, int width, boolean bigEndian) {
    long value(ByteBuffer record, int at) {
      record.order(bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
      return switch (width) {
        case 1 -> record.get(at + offset) & (kind == 'i' ? -1 : 0xff);
        case 2 -> record.getShort(at + offset) & (kind == 'i' ? -1 : 0xffff);
        case 4 -> kind == 'f' ? (long) record.getFloat(at + offset) : record.getInt(at + offset);
        default -> kind == 'f' ? (long) record.getDouble(at + offset) : record.getLong(at + offset);
      };
    }
  }

  /** NumPy's structured arrays, of which {@link Npz} knows nothing. */
  private static Events records(String head, byte[] file) {
    var fields = new LinkedHashMap<String, Field>();
    int width = 0;
    var matcher = FIELD.matcher(head);
    while (matcher.find()) {
      int bytes = matcher.group(4).isEmpty() ? 1 : Integer.parseInt(matcher.group(4));
      char kind = matcher.group(3).charAt(0);
      fields.put(matcher.group(1), new Field(width, kind, bytes, matcher.group(2).equals(">")));
      width += bytes;
    }
    var length = LENGTH.matcher(head);
    if (!length.find()) {
      throw new IllegalArgumentException("an array of records has one axis");
    }
    int n = bounded(Integer.parseInt(length.group(1)));
    int start = NPY_HEAD + (file[8] & 0xff | (file[9] & 0xff) << 8);
    var buffer = ByteBuffer.wrap(file, start, file.length - start).slice();
    if ((long) n * width > buffer.capacity()) {
      throw new IllegalArgumentException("it ends before the last of " + n + " records");
    }
    var columns = new long[4][n];
    for (int c = 0; c < 4; c++) {
      Field field = find(COLUMNS.get(c), fields);
      for (int i = 0; i < n; i++) {
        columns[c][i] = field.value(buffer, i * width);
      }
    }
    return of(columns, n);
  }

  private static int bounded(long events) {
    if (events > MOST) {
      throw new IllegalArgumentException(events + " events are more than " + MOST);
    }
    return (int) events;
  }

  private static Events hdf5(byte[] file) {
    try (var hdf = HdfFile.fromBytes(file)) {
      Group group = hdf.getChild("events") instanceof Group events ? events : hdf;
      var arrays = new LinkedHashMap<String, Dataset>();
      group
          .getChildren()
          .forEach(
              (name, node) -> {
                if (node instanceof Dataset dataset) {
                  arrays.put(name, dataset);
                }
              });
      var columns = new ArrayList<long[]>();
      for (List<String> names : COLUMNS) {
        var array = find(names, arrays);
        bounded(array.getSize());
        Object values = array.getDataFlat();
        var column = new long[Array.getLength(values)];
        for (int i = 0; i < column.length; i++) {
          Object value = Array.get(values, i);
          column[i] = value instanceof Boolean on ? (on ? 1 : 0) : ((Number) value).longValue();
        }
        columns.add(column);
      }
      return of(columns.toArray(long[][]::new), columns.getFirst().length);
    } catch (RuntimeException | StackOverflowError e) {
      // jhdf trusts what a file says of itself, and breaks in many ways where that is wrong.
      throw new IllegalArgumentException("it is no whole HDF5 file (" + e.getMessage() + ")", e);
    }
  }

  private static <T> T find(List<String> names, Map<String, T> among) {
    for (String name : names) {
      var found = among.get(name);
      if (found != null) {
        return found;
      }
    }
    throw new IllegalArgumentException(
        "there is no " + names.getFirst() + " among " + among.keySet());
  }

  private static Events of(long[][] columns, int n) {
    for (long[] column : columns) {
      if (column.length < n) {
        throw new IllegalArgumentException("its columns have different lengths");
      }
    }
    return new Events(
        ints(columns[0], n),
        ints(columns[1], n),
        ints(columns[2], n),
        Arrays.copyOf(columns[3], n));
  }

  private static int[] ints(long[] values, int n) {
    return Arrays.stream(values, 0, n).mapToInt(Math::toIntExact).toArray();
  }

  /**
   * Adds to {@code into} the number of events of each polarity, row and column in {@code steps}
   * stretches of equal time: [steps, 2, height, width] from {@code at}.
   *
   * @throws IllegalArgumentException where an event is no pixel of such a camera
   */
  public void frame(int steps, int height, int width, float[] into, int at) {
    if (t.length == 0) {
      return;
    }
    double duration = (double) t[t.length - 1] - t[0] + 1;
    for (int i = 0; i < t.length; i++) {
      if (x[i] < 0 || x[i] >= width || y[i] < 0 || y[i] >= height) {
        throw new IllegalArgumentException(
            "an event at column %d of row %d is outside of %d x %d pixels"
                .formatted(x[i], y[i], height, width));
      }
      // The last of very long ones can come out as a whole duration.
      int step = Math.min(steps - 1, (int) (((double) t[i] - t[0]) / duration * steps));
      into[at + ((step * 2 + (polarity[i] > 0 ? 1 : 0)) * height + y[i]) * width + x[i]]++;
    }
  }
}
