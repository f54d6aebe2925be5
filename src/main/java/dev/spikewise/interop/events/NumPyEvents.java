package dev.spikewise.interop.events;

import dev.spikewise.snn.data.Npz;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * NumPy files: .npy of records with named fields or of rows [n, 4], and SpikingJelly's .npz with an
 * array per column.
 */
final class NumPyEvents {

  private static final Pattern FIELD =
      Pattern.compile("\\('([^']*)', '([<>|=])([a-zA-Z?])(\\d*)'\\)");
  private static final Pattern LENGTH = Pattern.compile("'shape':\\s*\\((\\d+),?\\)");
  private static final int MAX_BYTES = 1 << 28;

  private NumPyEvents() {}

  static EventRecording npz(byte[] file, EventOptions options) throws IOException {
    var columns = new LinkedHashMap<String, Column>();
    var arrays = Npz.read(new ByteArrayInputStream(file), MAX_BYTES, options.memory().reserve());
    var others = new ArrayList<String>();
    options.events(arrays.values().stream().mapToInt(Npz.Array::size).max().orElse(0));
    for (var array : arrays.entrySet()) {
      if (!Columns.known(array.getKey()) && array.getValue().shape().length > 1) {
        others.add("%s %s".formatted(array.getKey(), Arrays.toString(array.getValue().shape())));
      }
      if (array.getValue().shape().length == 1) {
        columns.put(array.getKey(), Column.of(array.getValue(), 1, 0));
      }
    }
    if (columns.isEmpty() && !others.isEmpty()) {
      throw new IllegalArgumentException(
          "it holds the arrays %s instead of columns of events: store x, y, t and p, one array"
                  .formatted(others)
              + " each; upload frames as spikes [n, t, C, H, W] and y in one .npz as file");
    }
    return new Columns(options, null).named(columns);
  }

  static EventRecording npy(String name, byte[] file, EventOptions options) throws IOException {
    var head = new String(file, 0, Math.min(file.length, 1 << 12), StandardCharsets.ISO_8859_1);
    if (head.contains("'descr': [")) {
      return new Columns(options, null).named(records(head, file, options));
    }
    Npz.Array rows =
        Npz.readNpy(new ByteArrayInputStream(file), name, MAX_BYTES, options.memory().reserve());
    if (rows.shape().length != 2 || rows.shape()[1] != 4) {
      throw new IllegalArgumentException(
          "rows of events have shape [n, 4], these have " + Arrays.toString(rows.shape()));
    }
    options.events(rows.size() / 4);
    var columns = new ArrayList<Column>();
    for (int c = 0; c < 4; c++) {
      columns.add(Column.of(rows, 4, c));
    }
    return new Columns(options, null).unnamed(List.copyOf(columns));
  }

  private record Field(int offset, char kind, int width, ByteOrder order) {

    Column column(ByteBuffer records, int recordWidth, int n) {
      records.order(order);
      if (kind == 'f') {
        var values = new double[n];
        for (int i = 0; i < n; i++) {
          int at = i * recordWidth + offset;
          values[i] =
              switch (width) {
                case 2 -> Float.float16ToFloat(records.getShort(at));
                case 4 -> records.getFloat(at);
                default -> records.getDouble(at);
              };
        }
        return new Column.Floats(values, width < 8);
      }
      var values = new long[n];
      for (int i = 0; i < n; i++) {
        int at = i * recordWidth + offset;
        values[i] =
            switch (width) {
              case 1 -> records.get(at) & (kind == 'i' ? -1 : 0xff);
              case 2 -> records.getShort(at) & (kind == 'i' ? -1 : 0xffff);
              case 4 -> records.getInt(at) & (kind == 'i' ? -1L : 0xffffffffL);
              default -> records.getLong(at);
            };
      }
      if (kind == 'u') {
        Column.requireSigned(values);
      }
      return new Column.Whole(values);
    }
  }

  /** NumPy's structured arrays; fields without a name are padding. */
  private static Map<String, Column> records(String head, byte[] file, EventOptions options) {
    var fields = new LinkedHashMap<String, Field>();
    int width = 0;
    int matched = 0;
    var matcher = FIELD.matcher(head);
    while (matcher.find()) {
      int bytes = matcher.group(4).isEmpty() ? 1 : Integer.parseInt(matcher.group(4));
      char kind = matcher.group(3).charAt(0);
      bytes *= kind == 'U' ? 4 : 1;
      boolean number =
          "iufb?".indexOf(kind) >= 0 && (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
      if (number) {
        fields.put(
            matcher.group(1),
            new Field(
                width,
                kind,
                bytes,
                matcher.group(2).equals(">") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN));
      }
      if (kind == 'O') {
        throw new IllegalArgumentException(
            "its records hold Python objects, which are not read because unpickling runs code:"
                + " store records of numbers");
      }
      width = Math.addExact(width, bytes);
      matched++;
    }
    if (matched != head.substring(0, head.indexOf(']') + 1).split("\\('", -1).length - 1) {
      throw new IllegalArgumentException("its records have fields that are not plain numbers");
    }
    var length = LENGTH.matcher(head);
    if (!length.find()) {
      throw new IllegalArgumentException("an array of records must have one axis");
    }
    int n = options.events(Long.parseLong(length.group(1)));
    int start =
        file[6] == 1
            ? 10 + (file[8] & 0xff | (file[9] & 0xff) << 8)
            : 12 + ByteBuffer.wrap(file, 8, 4).order(ByteOrder.LITTLE_ENDIAN).getInt();
    var records = ByteBuffer.wrap(file, start, file.length - start).slice();
    if ((long) n * width > records.capacity()) {
      throw new IllegalArgumentException("it ends before the last of " + n + " records");
    }
    var columns = new LinkedHashMap<String, Column>();
    int recordWidth = width;
    fields.forEach((name, field) -> columns.put(name, field.column(records, recordWidth, n)));
    return columns;
  }
}
