package dev.spikewise.snn.kernel;

import org.jspecify.annotations.Nullable;

/**
 * The compute-intensive loops of training, with several implementations. {@link ScalarKernels} is
 * their specification.
 */
public interface Kernels extends AutoCloseable {

  /** For provenance and logs: "scalar", "vector-512", "nd4j". */
  String name();

  /**
   * A convolution of up to {@code maxFrames} frames at a time, with the scratch memory it needs.
   */
  Conv conv(ConvShape shape, int maxFrames);

  /** Splits work among threads. */
  Parallel parallel();

  /** y = pool(x), one frame. */
  void poolForward(PoolShape shape, float[] x, int xAt, float[] y, int yAt);

  /** gx = dL/dx of one frame, overwritten; y is what {@link #poolForward} gave. */
  void poolBackward(
      PoolShape shape, float[] gy, int gyAt, float[] y, int yAt, float[] gx, int gxAt);

  /** Sum over pixels and channels of x * weight(pixel), one frame [pixels, channels]. */
  double weightedSum(float[] x, int at, int channels, float[] weights);

  /** x += factor * weight(pixel), one frame [pixels, channels]. */
  void addWeights(float[] x, int at, int channels, float[] weights, float factor);

  /**
   * Whether neurons can be computed together with this pool after them; see {@link
   * NeuronRange#pool}.
   */
  default boolean fuses(PoolShape shape) {
    return false;
  }

  void neuronForward(Neuron neuron, NeuronRange range);

  /**
   * Recomputes the output of {@link #neuronForward}, bit for bit, from {@link NeuronRange#u}.
   * Supports neurons that do not {@link Neuron#adapts adapt}.
   */
  void neuronOutput(Neuron neuron, NeuronRange range);

  void neuronBackward(Neuron neuron, NeuronRange range);

  /** Adam's step for the numbers {@code from..to-1} of a tensor and of its two moments. */
  void adam(
      AdamStep step,
      float[] values,
      float[] gradient,
      float[] first,
      float[] second,
      int from,
      int to);

  @Override
  void close();

  /** The weighted sums of one layer. Frames are stored consecutively from the given offset. */
  interface Conv {

    /**
     * Promises that the weights given to {@link #inputGradient} are {@code w}, unchanged, until
     * {@link #releaseWeights}, so that a kernel may rearrange them once.
     */
    default void holdWeights(float[] w) {}

    /** Ends the promise of {@link #holdWeights}. */
    default void releaseWeights() {}

    /**
     * y = bias + w * x.
     *
     * @param x [frames, H, W, Cin] from {@code xAt}
     * @param bias [Cout] or null
     * @param y [frames, H', W', Cout] from {@code yAt}, overwritten
     */
    void forward(
        float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames);

    /**
     * gx = w^T * gy.
     *
     * @param activeOnly values of gx where x is 0 are not needed and may be anything finite; x is
     *     then given
     */
    void inputGradient(
        float[] gy,
        int gyAt,
        float[] w,
        float[] gx,
        int gxAt,
        int frames,
        float @Nullable [] activeX,
        int xAt);

    /**
     * Number of the loops that {@link #inputGradient} chooses for these frames; its meaning is
     * private to the kernel. The loops may differ in the last bits of a frame. The caller passes
     * the number on, so that a chunk's result does not depend on the frames that are computed
     * together with it.
     */
    default int inputGradientLoops(
        float[] gy, int gyAt, int frames, float @Nullable [] activeX, int xAt) {
      return 0;
    }

    /**
     * As {@link #inputGradient(float[], int, float[], float[], int, int, float[], int)}, with loops
     * that were chosen before.
     */
    default void inputGradient(
        float[] gy,
        int gyAt,
        float[] w,
        float[] gx,
        int gxAt,
        int frames,
        float @Nullable [] activeX,
        int xAt,
        int loops) {
      inputGradient(gy, gyAt, w, gx, gxAt, frames, activeX, xAt);
    }

    /**
     * gw += x * gy, summed over frames and windows, in an order that does not depend on the number
     * of threads.
     */
    void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames);
  }
}
