package dev.spikewise.interop.events;

import dev.spikewise.problem.ProblemException;
import java.util.LinkedHashMap;
import java.util.Map;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.types.MatFile;
import us.hebi.matlab.mat.types.Matrix;
import us.hebi.matlab.mat.types.Sources;
import us.hebi.matlab.mat.types.Struct;

/**
 * MATLAB files: version 5 with the vectors x, y, ts and pol, at the top or in a struct; version 7.3
 * is HDF5.
 */
final class MatlabEvents {

  private static final String VERSION_7_3 = "MATLAB 7.3";

  private MatlabEvents() {}

  static EventRecording read(byte[] file, EventOptions options) {
    var head =
        new String(
            file,
            0,
            Math.min(file.length, VERSION_7_3.length()),
            java.nio.charset.StandardCharsets.ISO_8859_1);
    if (head.equals(VERSION_7_3)) {
      return Hdf5Events.read(file, options);
    }
    var columns = new LinkedHashMap<String, Column>();
    var structs = new LinkedHashMap<String, Map<String, Column>>();
    try (MatFile mat = Mat5.newReader(Sources.wrap(file)).readMat()) {
      for (MatFile.Entry entry : mat.getEntries()) {
        if (entry.getValue() instanceof Struct struct && struct.getNumElements() == 1) {
          var fields = new LinkedHashMap<String, Column>();
          struct
              .getFieldNames()
              .forEach(
                  name -> {
                    if (struct.get(name) instanceof Matrix matrix) {
                      put(fields, name, matrix, options);
                    }
                  });
          if (Columns.complete(fields.keySet())) {
            structs.put(entry.getName(), fields);
          } else {
            fields.forEach(columns::putIfAbsent);
          }
        } else if (entry.getValue() instanceof Matrix matrix) {
          put(columns, entry.getName(), matrix, options);
        }
      }
    } catch (ProblemException e) {
      throw e;
    } catch (java.io.IOException | RuntimeException e) {
      throw new IllegalArgumentException(
          "it is damaged or truncated, or not a MATLAB file: " + e.getMessage(), e);
    }
    if (Columns.complete(columns.keySet())) {
      structs.put("the variables at the top", columns);
    }
    Columns.requireOne(structs.keySet());
    return new Columns(options, null)
        .named(structs.isEmpty() ? columns : structs.values().iterator().next());
  }

  private static void put(
      Map<String, Column> columns, String name, Matrix matrix, EventOptions options) {
    if (matrix.getNumRows() != 1 && matrix.getNumCols() != 1) {
      return;
    }
    int n = options.events(matrix.getNumElements());
    var values = new double[n];
    boolean whole = true;
    for (int i = 0; i < n; i++) {
      values[i] = matrix.getDouble(i);
      whole &= values[i] == Math.rint(values[i]);
    }
    if (whole) {
      var numbers = new long[n];
      for (int i = 0; i < n; i++) {
        numbers[i] = matrix.getLong(i);
      }
      columns.put(name, new Column.Whole(numbers));
    } else {
      columns.put(name, new Column.Floats(values, false));
    }
  }
}
