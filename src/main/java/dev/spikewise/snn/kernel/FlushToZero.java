package dev.spikewise.snn.kernel;

/**
 * Flushes tiny numbers to zero. Their products would soon be denormal, and processors multiply
 * denormal numbers up to a hundred times slower. Such numbers do not affect a training: they are
 * below the eps of Adam and the last bit of a weight.
 */
public final class FlushToZero {

  /** Exponents below this give 0; a surrogate gradient is then 1e-18 of its maximum. */
  public static final float EXPONENT = -41.5f;

  /** Gradients and moments with a smaller absolute value are set to 0. */
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
