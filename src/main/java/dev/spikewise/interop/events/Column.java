package dev.spikewise.interop.events;

import dev.spikewise.snn.data.Npz;
import java.lang.reflect.Array;

/** One column of a recording as a file stores it. */
sealed interface Column {

  int length();

  double value(int i);

  /** The value as an integer; exact only when {@link #isWhole} is true. */
  long whole(int i);

  /** Whether every value is a whole number. */
  boolean isWhole();

  /** Whether the file stores the values as floats with less precision than a microsecond needs. */
  boolean isShortFloat();

  record Whole(long[] values) implements Column {
    @Override
    public int length() {
      return values.length;
    }

    @Override
    public double value(int i) {
      return values[i];
    }

    @Override
    public long whole(int i) {
      return values[i];
    }

    @Override
    public boolean isWhole() {
      return true;
    }

    @Override
    public boolean isShortFloat() {
      return false;
    }
  }

  record Floats(double[] values, boolean isShortFloat) implements Column {

    public Floats {
      for (double value : values) {
        if (!Double.isFinite(value)) {
          throw new IllegalArgumentException("holds " + value + ", which is not a finite number");
        }
      }
    }

    @Override
    public int length() {
      return values.length;
    }

    @Override
    public double value(int i) {
      return values[i];
    }

    @Override
    public long whole(int i) {
      return (long) values[i];
    }

    @Override
    public boolean isWhole() {
      for (double value : values) {
        if (value != Math.rint(value) || Math.abs(value) > 1L << 53) {
          return false;
        }
      }
      return true;
    }
  }

  /** Refuses unsigned values of 64 bits whose highest bit is set. */
  static void requireSigned(long[] values) {
    for (long value : values) {
      if (value < 0) {
        throw new IllegalArgumentException(
            "contains %s, more than a signed integer of 64 bits can hold"
                .formatted(Long.toUnsignedString(value)));
      }
    }
  }

  /** A column of an array [n, columns], or of an array [n] where {@code columns} is 1. */
  static Column of(Npz.Array array, int columns, int column) {
    int n = array.size() / columns;
    if (array.kind() == 'f') {
      var values = new double[n];
      for (int i = 0; i < n; i++) {
        values[i] = array.value(i * columns + column);
      }
      return new Floats(values, array.width() < 8);
    }
    var values = new long[n];
    for (int i = 0; i < n; i++) {
      values[i] = array.whole(i * columns + column);
    }
    if (array.kind() == 'u') {
      requireSigned(values);
    }
    return new Whole(values);
  }

  /** A column of a flat Java array of numbers or booleans, primitive or boxed. */
  static Column of(Object array, int columns, int column) {
    int n = Array.getLength(array) / columns;
    if (array instanceof double[] || array instanceof float[]) {
      var values = new double[n];
      for (int i = 0; i < n; i++) {
        values[i] = Array.getDouble(array, i * columns + column);
      }
      return new Floats(values, array instanceof float[]);
    }
    var values = new long[n];
    for (int i = 0; i < n; i++) {
      values[i] =
          switch (Array.get(array, i * columns + column)) {
            case Boolean on -> on ? 1 : 0;
            case Double real -> throw new IllegalArgumentException("holds boxed floats: " + real);
            case Float real -> throw new IllegalArgumentException("holds boxed floats: " + real);
            // jHDF's form of unsigned integers of 64 bits.
            case java.math.BigInteger number -> number.longValueExact();
            case Number number -> number.longValue();
            // h5py stores booleans as an enumeration.
            case String word when word.equals("TRUE") || word.equals("FALSE") ->
                word.equals("TRUE") ? 1 : 0;
            case null, default ->
                throw new IllegalArgumentException("contains values that are not numbers");
          };
    }
    return new Whole(values);
  }
}
