package dev.spikewise.snn.kernel;

/**
 * Where small numbers end. What follows from them would soon be denormal, which processors multiply
 * a hundred times slower, and trains nothing: it is lost beside the eps of Adam, and beside the
 * last bit of a weight.
 */
public final class FlushToZero {

  /** exp of less is 0: a surrogate is there 1e-18 of its height. */
  public static final float EXPONENT = -41.5f;

  /** Gradients and their moments nearer to 0 are 0. */
  public static final float GRADIENT = 0x1p-100f;

  private FlushToZero() {}

  static double exp(double x) {
    return x < EXPONENT ? 0 : Math.exp(x);
  }

  /** {@code g}, or 0 where it is too small. */
  public static float gradient(float g) {
    return Math.abs(g) < GRADIENT ? 0 : g;
  }
}
