package dev.spikewise.snn.data;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.LongConsumer;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** The IDX format of MNIST: one array of big-endian numbers, optionally compressed with gzip. */
public final class Idx {

  private Idx() {}

  /**
   * Reads a whole file.
   *
   * @param maxBytes maximum unpacked size of the array in bytes
   * @param reserve called with the size of the array in bytes before it is allocated; may throw
   * @throws IllegalArgumentException when it is not an IDX file or exceeds the limit
   */
  public static Npz.Array read(InputStream file, long maxBytes, LongConsumer reserve)
      throws IOException {
    try (var in = new DataInputStream(unpacked(new BufferedInputStream(file)))) {
      int magic = in.readInt();
      int type = magic >> 8;
      char kind =
          switch (type) {
            case 0x08 -> 'u';
            case 0x09, 0x0b, 0x0c -> 'i';
            case 0x0d, 0x0e -> 'f';
            default -> throw new IllegalArgumentException("is not an IDX file");
          };
      int width =
          switch (type) {
            case 0x08, 0x09 -> 1;
            case 0x0b -> 2;
            case 0x0e -> 8;
            default -> 4;
          };
      var shape = new int[magic & 0xff];
      long size = width;
      for (int d = 0; d < shape.length; d++) {
        shape[d] = in.readInt();
        size = shape[d] < 0 || size > maxBytes ? Long.MAX_VALUE : size * shape[d];
      }
      if (size > Math.min(maxBytes, Integer.MAX_VALUE - 8)) {
        throw new IllegalArgumentException(
            "declares the shape "
                + Arrays.toString(shape)
                + ", more than the "
                + maxBytes
                + " bytes allowed");
      }
      reserve.accept(size);
      byte[] values = new byte[(int) size];
      int read = in.readNBytes(values, 0, values.length);
      if (read < size || in.read() >= 0) {
        throw new IllegalArgumentException(
            "has "
                + (read < size ? "fewer" : "more")
                + " values than its shape "
                + Arrays.toString(shape));
      }
      return new Npz.Array(shape, kind, width, ByteBuffer.wrap(values).order(ByteOrder.BIG_ENDIAN));
    } catch (EOFException | ZipException e) {
      throw new IllegalArgumentException(
          "is damaged or truncated, or not an IDX file: " + e.getMessage(), e);
    }
  }

  private static InputStream unpacked(BufferedInputStream file) throws IOException {
    file.mark(2);
    boolean gzip = file.read() == 0x1f && file.read() == 0x8b;
    file.reset();
    return gzip ? new GZIPInputStream(file) : file;
  }
}
