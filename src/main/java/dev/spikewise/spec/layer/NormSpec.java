package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** A layer that normalises its input. */
public sealed interface NormSpec extends LayerSpec {

  /**
   * PyTorch's BatchNorm2d: each channel to mean 0 and variance 1 over batch, time and pixels while
   * training, over the running estimates otherwise (Ioffe and Szegedy 2015, arXiv:1502.03167).
   *
   * @param momentum share of the newest batch in the running estimates
   * @param affine whether a channel has a trained weight, and unless {@code bias} is false, a bias
   * @param numFeatures channels of the input; taken from the layers before if null
   * @param eps added to the variance
   * @param bias whether a channel has a trained bias
   */
  record BatchNorm2d(
      @Nullable Integer numFeatures, Double eps, Double momentum, Boolean affine, Boolean bias)
      implements NormSpec {
    public BatchNorm2d {
      eps = eps == null ? 1e-5 : eps;
      momentum = momentum == null ? 0.1 : momentum;
      affine = affine == null ? true : affine;
      bias = bias == null ? affine : bias;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.positive(eps, "eps");
      mistakes.between(momentum, 0, 1, "momentum");
      mistakes.require(affine || !bias, "bias", "must be false where affine is");
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 3) {
        mistakes.add("BatchNorm2d takes a (C, H, W) input, but the layers before it give " + input);
        return null;
      }
      if (numFeatures != null && numFeatures != input.dim(0)) {
        mistakes
            .in("num_features")
            .add("must be " + input.dim(0) + ", the channels of " + input + ", was " + numFeatures);
        return null;
      }
      return input;
    }

    @Override
    public SequencedMap<String, Shape> parameters(Shape input) {
      var parameters = new LinkedHashMap<String, Shape>();
      if (affine) {
        parameters.put("weight", Shape.of(input.dim(0)));
      }
      if (bias) {
        parameters.put("bias", Shape.of(input.dim(0)));
      }
      return parameters;
    }

    @Override
    public SequencedMap<String, Shape> buffers(Shape input) {
      var buffers = new LinkedHashMap<String, Shape>();
      buffers.put("running_mean", Shape.of(input.dim(0)));
      buffers.put("running_var", Shape.of(input.dim(0)));
      buffers.put("num_batches_tracked", Shape.of());
      return buffers;
    }
  }
}
