package dev.spikewise.snn.data;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * NumPy's archive of arrays: a zip of .npy files, <a
 * href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">numpy.lib.format</a>,
 * versions 1 to 3. Numbers and booleans in either byte order are supported. Objects are not, so
 * nothing in a file is executed.
 */
public final class Npz {

  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final Pattern DESCR = Pattern.compile("'descr':\\s*'([<>|=])([a-zA-Z?])(\\d*)'");
  private static final Pattern FORTRAN = Pattern.compile("'fortran_order':\\s*(True|False)");
  private static final Pattern SHAPE = Pattern.compile("'shape':\\s*\\(([0-9,\\s]*)\\)");
  private static final Pattern NUMBER = Pattern.compile("\\d+");

  /** Bytes of memory per array in addition to its values. */
  private static final int OVERHEAD = 256;

  /** Maximum number of arrays, because each costs time, and memory for its name. */
  private static final int MAX_ARRAYS = 4096;

  private Npz() {}

  /** Thrown for an array of text, objects or records. */
  private static final class NotNumbersException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    NotNumbersException(String message) {
      super(message);
    }
  }

  /** Values with a shape, row-major. */
  public interface FloatArray {
    int[] shape();

    float[] data();
  }

  /**
   * An array in the representation of the file.
   *
   * @param kind NumPy's letter: f float, i signed, u unsigned, b boolean
   * @param width number of bytes per value
   * @param bytes row-major values, in their own byte order
   */
  public record Array(int[] shape, char kind, int width, ByteBuffer bytes) {

    public int size() {
      return bytes.capacity() / width;
    }

    /** Value {@code i} in row-major order. */
    public double value(int i) {
      int at = i * width;
      return switch (kind) {
        case 'f' ->
            switch (width) {
              case 2 -> Float.float16ToFloat(bytes.getShort(at));
              case 4 -> bytes.getFloat(at);
              default -> bytes.getDouble(at);
            };
        case 'i' ->
            switch (width) {
              case 1 -> bytes.get(at);
              case 2 -> bytes.getShort(at);
              case 4 -> bytes.getInt(at);
              default -> bytes.getLong(at);
            };
        default ->
            switch (width) {
              case 1 -> bytes.get(at) & 0xff;
              case 2 -> bytes.getShort(at) & 0xffff;
              case 4 -> bytes.getInt(at) & 0xffffffffL;
              default -> bytes.getLong(at);
            };
      };
    }

    /** Value {@code i} as an integer: large integers are exact, fractions are truncated. */
    public long whole(int i) {
      return kind != 'f' && width == 8 ? bytes.getLong(i * width) : (long) value(i);
    }

    public float[] floats() {
      var values = new float[size()];
      if (kind == 'f' && width == 4) {
        bytes.duplicate().order(bytes.order()).rewind().asFloatBuffer().get(values);
      } else {
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) value(i);
        }
      }
      return values;
    }

    public double[] doubles() {
      return IntStream.range(0, size()).mapToDouble(this::value).toArray();
    }

    /** The values as integers; fractions are truncated. */
    public int[] ints() {
      return IntStream.range(0, size()).map(i -> (int) value(i)).toArray();
    }
  }

  /**
   * Reads every array, by its name without ".npy".
   *
   * @param maxBytes maximum total unpacked size of all arrays in bytes
   * @throws IllegalArgumentException when it is not an .npz file, an array does not contain
   *     numbers, or the limit is exceeded; the message names the array
   */
  public static Map<String, Array> read(InputStream in, long maxBytes) throws IOException {
    return read(in, maxBytes, _ -> {});
  }

  /**
   * Same as {@link #read(InputStream, long)} with a memory limit.
   *
   * @param reserve called with the size of each array in bytes before it is allocated; may throw
   */
  public static Map<String, Array> read(InputStream in, long maxBytes, LongConsumer reserve)
      throws IOException {
    return read(in, maxBytes, reserve, null);
  }

  /**
   * Same as {@link #read(InputStream, long, LongConsumer)}, but skips arrays that do not hold
   * numbers.
   *
   * @param skipped receives the reason by name of array; null to refuse such arrays
   */
  public static Map<String, Array> read(
      InputStream in, long maxBytes, LongConsumer reserve, @Nullable Map<String, String> skipped)
      throws IOException {
    var arrays = new LinkedHashMap<String, Array>();
    long left = maxBytes;
    var zip = new ZipInputStream(in);
    try {
      for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
        String name = entry.getName().replaceFirst("\\.npy$", "");
        if (arrays.size() + (skipped == null ? 0 : skipped.size()) == MAX_ARRAYS) {
          throw new IllegalArgumentException("more than " + MAX_ARRAYS + " arrays");
        }
        Array array;
        try {
          array = readNpy(zip, name, left, reserve);
        } catch (NotNumbersException e) {
          if (skipped == null) {
            throw e;
          }
          skipped.put(name, String.valueOf(e.getMessage()));
          left -= skipRest(zip, name, left) + OVERHEAD;
          continue;
        }
        left -= array.bytes().capacity() + OVERHEAD;
        if (zip.read() >= 0) {
          throw new IllegalArgumentException("'" + name + "' has more values than its shape");
        }
        if (arrays.put(name, array) != null) {
          throw new IllegalArgumentException("array '" + name + "' occurs twice in the file");
        }
      }
    } catch (ZipException | EOFException e) {
      throw new IllegalArgumentException(
          "damaged or truncated, or not an .npz file: " + e.getMessage(), e);
    }
    if (arrays.isEmpty() && (skipped == null || skipped.isEmpty())) {
      throw new IllegalArgumentException("not an .npz file, or one without arrays");
    }
    return arrays;
  }

  private static long skipRest(InputStream entry, String name, long left) throws IOException {
    var buffer = new byte[1 << 13];
    long size = 0;
    for (int n = entry.read(buffer); n >= 0; n = entry.read(buffer)) {
      size += n;
      if (size > left) {
        throw new IllegalArgumentException(
            "'" + name + "' needs more than the " + left + " bytes left");
      }
    }
    return size;
  }

  /**
   * Reads one .npy file.
   *
   * @param reserve called with the size of the array in bytes before it is allocated; may throw
   * @throws IllegalArgumentException as {@link #read}
   */
  public static Array readNpy(InputStream in, String name, long maxBytes, LongConsumer reserve)
      throws IOException {
    byte[] head = in.readNBytes(8);
    if (head.length < 8 || !Arrays.equals(head, 0, 6, MAGIC, 0, 6)) {
      throw new IllegalArgumentException("'" + name + "' is not a .npy array");
    }
    byte[] length = in.readNBytes(head[6] == 1 ? 2 : 4);
    long headerLength = 0;
    for (int i = length.length - 1; i >= 0; i--) {
      headerLength = headerLength << 8 | length[i] & 0xff;
    }
    if (headerLength > 65_536) {
      throw new IllegalArgumentException("'" + name + "' has a damaged header");
    }
    String header = new String(in.readNBytes((int) headerLength), StandardCharsets.UTF_8);
    if (header.contains("'descr': [")) {
      throw new NotNumbersException(
          "'" + name + "' holds records: store an array per column, or save the records as .npy");
    }
    Matcher descr = find(DESCR, header, name);
    char kind = descr.group(2).charAt(0) == '?' ? 'b' : descr.group(2).charAt(0);
    int width = descr.group(3).length() == 1 ? Integer.parseInt(descr.group(3)) : 0;
    if (kind == 'O') {
      throw new NotNumbersException(
          "'"
              + name
              + "' holds Python objects, which are not read because unpickling runs code: save"
              + " one array of numbers, with all samples padded to the same shape");
    }
    if (kind == 'U' || kind == 'S') {
      throw new NotNumbersException(
          "'" + name + "' holds text: store numbers, such as classes numbered from 0");
    }
    boolean known =
        switch (kind) {
          case 'f' -> width == 2 || width == 4 || width == 8;
          case 'i', 'u' -> width == 1 || width == 2 || width == 4 || width == 8;
          case 'b' -> width == 1;
          default -> false;
        };
    if (!known) {
      throw new NotNumbersException(
          "'" + name + "' holds values of type " + descr.group() + ", not numbers");
    }
    String dims = find(SHAPE, header, name).group(1);
    int[] shape;
    long size = width;
    try {
      shape = NUMBER.matcher(dims).results().mapToInt(m -> Integer.parseInt(m.group())).toArray();
      for (int d : shape) {
        size = Math.multiplyExact(size, d);
      }
    } catch (ArithmeticException | NumberFormatException e) {
      throw new IllegalArgumentException(
          "'" + name + "' has an impossible shape: (" + dims + ")", e);
    }
    if (size > Math.min(maxBytes, Integer.MAX_VALUE - 8)) {
      throw new IllegalArgumentException(
          "'" + name + "' needs " + size + " bytes, more than the " + maxBytes + " left");
    }
    reserve.accept(size + OVERHEAD);
    byte[] data = new byte[(int) size];
    int read = in.readNBytes(data, 0, data.length);
    if (read < size) {
      throw new IllegalArgumentException(
          "'" + name + "' ends after " + read + " of " + size + " bytes");
    }
    if (find(FORTRAN, header, name).group(1).equals("True")) {
      data = rowMajor(data, shape, width);
    }
    var order = descr.group(1).equals(">") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    return new Array(shape, kind, width, ByteBuffer.wrap(data).order(order));
  }

  /** Writes float32 arrays under their names. The same arrays give the same bytes. */
  public static void write(OutputStream out, Map<String, ? extends FloatArray> arrays)
      throws IOException {
    var zip = new ZipOutputStream(out);
    for (var array : arrays.entrySet()) {
      var entry = new ZipEntry(array.getKey() + ".npy");
      entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0));
      zip.putNextEntry(entry);
      writeNpy(zip, array.getValue());
      zip.closeEntry();
    }
    zip.finish();
  }

  /** Writes one .npy file of float32. */
  public static void writeNpy(OutputStream out, FloatArray array) throws IOException {
    String dims =
        IntStream.of(array.shape()).mapToObj(d -> d + ",").collect(Collectors.joining(" "));
    String header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dims + "), }";
    // The format requires the data to start at a multiple of 64.
    header += " ".repeat(63 - (header.length() + MAGIC.length + 4) % 64) + "\n";
    var bytes = new ByteArrayOutputStream();
    bytes.write(MAGIC);
    bytes.write(new byte[] {1, 0, (byte) header.length(), (byte) (header.length() >> 8)});
    bytes.write(header.getBytes(StandardCharsets.US_ASCII));
    bytes.writeTo(out);
    var data =
        ByteBuffer.allocate(Float.BYTES * array.data().length).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(array.data());
    out.write(data.array());
  }

  private static Matcher find(Pattern pattern, String header, String name) {
    Matcher matcher = pattern.matcher(header);
    if (!matcher.find()) {
      throw new IllegalArgumentException(
          "'" + name + "' is no array of numbers: " + header.strip());
    }
    return matcher;
  }

  private static byte[] rowMajor(byte[] columnMajor, int[] shape, int width) {
    var rowMajor = new byte[columnMajor.length];
    int n = columnMajor.length / width;
    for (int i = 0; i < n; i++) {
      int rest = i;
      int at = 0;
      // The last index runs fastest in row-major order, slowest in column-major.
      int stride = n;
      for (int d = shape.length - 1; d >= 0; d--) {
        stride /= shape[d];
        at += rest % shape[d] * stride;
        rest /= shape[d];
      }
      System.arraycopy(columnMajor, at * width, rowMajor, i * width, width);
    }
    return rowMajor;
  }
}
