package dev.spikewise.spec.layer;

import com.fasterxml.jackson.annotation.JsonFormat;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** A layer that normalises its input. */
public sealed interface NormSpec extends LayerSpec {
  @Override
  default int spikesPerUnit(int unit, Shape input) {
    return 1;
  }

  /** Whether each channel or value has a trained weight. */
  boolean hasWeight();

  /** Whether each channel or value has a trained bias. */
  boolean hasBias();

  /** PyTorch's shape of weight and bias. */
  Shape weightShape(Shape input);

  @Override
  default SequencedMap<String, Shape> parameters(Shape input) {
    var parameters = new LinkedHashMap<String, Shape>();
    if (hasWeight()) {
      parameters.put("weight", weightShape(input));
    }
    if (hasBias()) {
      parameters.put("bias", weightShape(input));
    }
    return parameters;
  }

  /**
   * Normalises each channel to mean 0 and variance 1 over batch, time and pixels while training,
   * over the running estimates otherwise (Ioffe and Szegedy 2015, arXiv:1502.03167).
   */
  sealed interface Batch extends NormSpec {
    /** Number of channels or features of the input; inferred from the layers before when absent. */
    @Nullable Integer numFeatures();

    /** Number added to the variance for numerical stability. */
    Double eps();

    /** Weight of the newest batch in the running estimates. */
    Double momentum();

    /** Whether a channel has a trained weight, and unless {@code bias} is false, a bias. */
    Boolean affine();

    /** Whether a channel has a trained bias. */
    Boolean bias();

    @Override
    default boolean hasWeight() {
      return affine();
    }

    @Override
    default boolean hasBias() {
      return bias();
    }

    @Override
    default Shape weightShape(Shape input) {
      return Shape.of(input.dim(0));
    }

    @Override
    default void check(Mistakes mistakes) {
      mistakes.positive(eps(), "eps");
      mistakes.between(momentum(), 0, 1, "momentum");
      mistakes.require(affine() || !bias(), "bias", "must be false where affine is");
    }

    /** Whether this norm can be merged into the weights of {@code layer} directly before it. */
    default boolean mergesInto(@Nullable LayerSpec layer) {
      return switch (this) {
        case BatchNorm2d _ -> layer instanceof SynapticSpec.Conv2d;
        case BatchNorm1d _ ->
            layer instanceof SynapticSpec.Conv1d || layer instanceof SynapticSpec.Linear;
      };
    }

    /** Layers that {@link #mergesInto} accepts, for messages. */
    default String mergeable() {
      return switch (this) {
        case BatchNorm2d _ -> "a Conv2d";
        case BatchNorm1d _ -> "a Conv1d or Linear";
      };
    }

    /**
     * Returns {@code input} if it has the expected number of channels; null after reporting a
     * mistake.
     */
    default @Nullable Shape matching(Shape input, Mistakes mistakes) {
      return numFeatures() == null
              || mistakes.require(
                  numFeatures() == input.dim(0),
                  "num_features",
                  "must be "
                      + input.dim(0)
                      + ", the channels of "
                      + input
                      + " but was "
                      + numFeatures())
          ? input
          : null;
    }

    @Override
    default SequencedMap<String, Shape> buffers(Shape input) {
      var buffers = new LinkedHashMap<String, Shape>();
      buffers.put("running_mean", Shape.of(input.dim(0)));
      buffers.put("running_var", Shape.of(input.dim(0)));
      buffers.put("num_batches_tracked", Shape.of());
      return buffers;
    }
  }

  /** PyTorch's BatchNorm2d, over a (C, H, W) input. */
  record BatchNorm2d(
      @Nullable Integer numFeatures, Double eps, Double momentum, Boolean affine, Boolean bias)
      implements Batch {
    public BatchNorm2d {
      eps = eps == null ? 1e-5 : eps;
      momentum = momentum == null ? 0.1 : momentum;
      affine = affine == null ? true : affine;
      bias = bias == null ? affine : bias;
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 3) {
        mistakes.add(
            "BatchNorm2d takes a (C, H, W) input, but the preceding layer outputs " + input);
        return null;
      }
      return matching(input, mistakes);
    }
  }

  /** PyTorch's BatchNorm1d, over a (C, L) input or over features. */
  record BatchNorm1d(
      @Nullable Integer numFeatures, Double eps, Double momentum, Boolean affine, Boolean bias)
      implements Batch {
    public BatchNorm1d {
      eps = eps == null ? 1e-5 : eps;
      momentum = momentum == null ? 0.1 : momentum;
      affine = affine == null ? true : affine;
      bias = bias == null ? affine : bias;
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() > 2) {
        mistakes.add(
            "BatchNorm1d takes a (C, L) or a flat input, but the preceding layer outputs " + input);
        return null;
      }
      return matching(input, mistakes);
    }
  }

  /** Normalises each sample at each time step separately, in training and inference alike. */
  sealed interface Frame extends NormSpec {
    /** Number added to the variance for numerical stability. */
    Double eps();

    /** Number of parts of the input that are normalised separately. */
    int parts(Shape input);

    /** Whether weights belong to channels, rather than to positions within a part. */
    boolean weightsByChannel();

    @Override
    default void check(Mistakes mistakes) {
      mistakes.positive(eps(), "eps");
    }
  }

  /**
   * PyTorch's LayerNorm: over the last dimensions of the input (Ba et al. 2016, arXiv:1607.06450).
   *
   * @param normalizedShape the last dimensions of the input: a number or a list
   * @param eps Number added to the variance for numerical stability.
   * @param elementwiseAffine whether each value has a trained weight, and unless {@code bias} is
   *     false, a bias
   * @param bias whether each value has a trained bias
   */
  record LayerNorm(
      @JsonFormat(with = JsonFormat.Feature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
          List<Integer> normalizedShape,
      Double eps,
      Boolean elementwiseAffine,
      Boolean bias)
      implements Frame {
    public LayerNorm {
      normalizedShape = normalizedShape == null ? List.of() : List.copyOf(normalizedShape);
      eps = eps == null ? 1e-5 : eps;
      elementwiseAffine = elementwiseAffine == null ? true : elementwiseAffine;
      bias = bias == null ? elementwiseAffine : bias;
    }

    @Override
    public void check(Mistakes mistakes) {
      Frame.super.check(mistakes);
      mistakes.require(
          !normalizedShape.isEmpty(),
          "normalized_shape",
          "is missing: give the last dimensions of the input, such as [10] or [4, 8, 8]");
      mistakes.require(
          elementwiseAffine || !bias, "bias", "must be false where elementwise_affine is");
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      int first = input.rank() - normalizedShape.size();
      return mistakes.require(
              first >= 0 && input.dims().subList(first, input.rank()).equals(normalizedShape),
              "normalized_shape",
              "must be the last dimensions of the input " + input + " but was " + normalizedShape)
          ? input
          : null;
    }

    @Override
    public boolean hasWeight() {
      return elementwiseAffine;
    }

    @Override
    public boolean hasBias() {
      return bias;
    }

    @Override
    public Shape weightShape(Shape input) {
      return new Shape(normalizedShape);
    }

    @Override
    public int parts(Shape input) {
      return input.size() / weightShape(input).size();
    }

    @Override
    public boolean weightsByChannel() {
      return false;
    }
  }

  /**
   * PyTorch's GroupNorm: over groups of channels (Wu and He 2018, arXiv:1803.08494).
   *
   * @param numGroups number of groups, which divides the number of channels
   * @param numChannels Number of input channels; inferred from the layers before when absent.
   * @param eps Number added to the variance for numerical stability.
   * @param affine whether each channel has a trained weight and bias
   */
  record GroupNorm(Integer numGroups, @Nullable Integer numChannels, Double eps, Boolean affine)
      implements Frame {
    public GroupNorm {
      eps = eps == null ? 1e-5 : eps;
      affine = affine == null ? true : affine;
    }

    @Override
    public void check(Mistakes mistakes) {
      Frame.super.check(mistakes);
      if (mistakes.require(
          numGroups != null, "num_groups", "is missing: give the number of groups")) {
        mistakes.atLeast(numGroups, 1, "num_groups");
      }
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      int channels = input.dim(0);
      boolean fits =
          (numChannels == null
                  || mistakes.require(
                      numChannels == channels,
                      "num_channels",
                      "must be "
                          + channels
                          + ", the channels of "
                          + input
                          + " but was "
                          + numChannels))
              & mistakes.require(
                  channels % numGroups == 0,
                  "num_groups",
                  "must divide the "
                      + channels
                      + " channels of "
                      + input
                      + " but was "
                      + numGroups);
      return fits ? input : null;
    }

    @Override
    public boolean hasWeight() {
      return affine;
    }

    @Override
    public boolean hasBias() {
      return affine;
    }

    @Override
    public Shape weightShape(Shape input) {
      return Shape.of(input.dim(0));
    }

    @Override
    public int parts(Shape input) {
      return numGroups;
    }

    @Override
    public boolean weightsByChannel() {
      return true;
    }
  }
}
