package dev.spikewise.spec.layer;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * One layer of a network. Names, options and defaults are those of PyTorch and sinabs; the suffix
 * {@code Squeeze}, which in sinabs folds time into the batch, is accepted and changes nothing,
 * because batch and time are always apart here.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = ShapeSpec.FlattenTime.class, name = "FlattenTime"),
  @JsonSubTypes.Type(value = ShapeSpec.UnflattenTime.class, name = "UnflattenTime"),
  @JsonSubTypes.Type(value = SynapticSpec.Conv2d.class, name = "Conv2d"),
  @JsonSubTypes.Type(value = SynapticSpec.Conv1d.class, name = "Conv1d"),
  @JsonSubTypes.Type(value = SynapticSpec.ConvTranspose2d.class, name = "ConvTranspose2d"),
  @JsonSubTypes.Type(value = SynapticSpec.Linear.class, name = "Linear"),
  @JsonSubTypes.Type(value = PoolSpec.SumPool2d.class, name = "SumPool2d"),
  @JsonSubTypes.Type(value = PoolSpec.AvgPool2d.class, name = "AvgPool2d"),
  @JsonSubTypes.Type(
      value = PoolSpec.SpikingMaxPooling2dLayer.class,
      names = {"SpikingMaxPooling2dLayer", "SpikingMaxPool2d"}),
  @JsonSubTypes.Type(value = PoolSpec.MaxPool2d.class, name = "MaxPool2d"),
  @JsonSubTypes.Type(value = ReducedPoolSpec.AvgPool1d.class, name = "AvgPool1d"),
  @JsonSubTypes.Type(value = ReducedPoolSpec.MaxPool1d.class, name = "MaxPool1d"),
  @JsonSubTypes.Type(value = ReducedPoolSpec.AdaptiveAvgPool2d.class, name = "AdaptiveAvgPool2d"),
  @JsonSubTypes.Type(value = NormSpec.BatchNorm1d.class, name = "BatchNorm1d"),
  @JsonSubTypes.Type(value = NormSpec.BatchNorm2d.class, name = "BatchNorm2d"),
  @JsonSubTypes.Type(value = NormSpec.LayerNorm.class, name = "LayerNorm"),
  @JsonSubTypes.Type(value = NormSpec.GroupNorm.class, name = "GroupNorm"),
  @JsonSubTypes.Type(value = DropoutSpec.Dropout.class, name = "Dropout"),
  @JsonSubTypes.Type(value = DropoutSpec.Dropout2d.class, name = "Dropout2d"),
  @JsonSubTypes.Type(value = RectifierSpec.ReLU.class, name = "ReLU"),
  @JsonSubTypes.Type(value = RectifierSpec.NeuromorphicReLU.class, name = "NeuromorphicReLU"),
  @JsonSubTypes.Type(value = ShapeSpec.Flatten.class, name = "Flatten"),
  @JsonSubTypes.Type(value = ShapeSpec.Identity.class, name = "Identity"),
  @JsonSubTypes.Type(value = ShapeSpec.Upsample.class, name = "Upsample"),
  @JsonSubTypes.Type(
      value = NeuronSpec.IAF.class,
      names = {"IAF", "IAFSqueeze"}),
  @JsonSubTypes.Type(
      value = NeuronSpec.LIF.class,
      names = {"LIF", "LIFSqueeze"}),
  @JsonSubTypes.Type(
      value = NeuronSpec.ALIF.class,
      names = {"ALIF", "ALIFSqueeze"}),
  @JsonSubTypes.Type(value = NeuronSpec.AdLIF.class, name = "AdLIF"),
  @JsonSubTypes.Type(
      value = NeuronSpec.IAFRecurrent.class,
      names = {"IAFRecurrent", "IAFRecurrentSqueeze"}),
  @JsonSubTypes.Type(
      value = NeuronSpec.LIFRecurrent.class,
      names = {"LIFRecurrent", "LIFRecurrentSqueeze"}),
  @JsonSubTypes.Type(
      value = NeuronSpec.ExpLeak.class,
      names = {"ExpLeak", "ExpLeakSqueeze"}),
  @JsonSubTypes.Type(
      value = JoinSpec.Add.class,
      names = {"Add", "Merge"}),
  @JsonSubTypes.Type(value = JoinSpec.Concat.class, name = "Concat"),
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface LayerSpec
    permits SynapticSpec,
        ElementwiseSpec,
        PoolSpec,
        ReducedPoolSpec,
        NormSpec,
        ShapeSpec,
        JoinSpec {

  /** Reports options that are invalid for any input. */
  default void check(Mistakes mistakes) {}

  /**
   * Shape of the output for an input of shape {@code input}; null after reporting why the input
   * does not fit.
   */
  @Nullable Shape outputShape(Shape input, Mistakes mistakes);

  /**
   * Trainable parameters with PyTorch's names (within the layer) and shapes, for an input that
   * fits.
   */
  default SequencedMap<String, Shape> parameters(Shape input) {
    return new LinkedHashMap<>();
  }

  /** Buffers of the state_dict: name within the layer and shape. */
  default SequencedMap<String, Shape> buffers(Shape input) {
    return new LinkedHashMap<>();
  }

  /**
   * Number of spikes that an output value of 1 represents when an input value of 1 represents
   * {@code unit} spikes; more than 1 after an average over spike counts.
   */
  default int spikesPerUnit(int unit, Shape input) {
    return unit;
  }

  /** The layer's name as PyTorch and sinabs spell it. */
  @JsonIgnore
  default String typeName() {
    return getClass().getSimpleName();
  }

  /**
   * Number of window positions along one axis, rounded down as in PyTorch; below 1 when the window
   * does not fit.
   */
  static int windows(int size, int kernel, int stride, int padding, int dilation) {
    long span = (long) dilation * (kernel - 1) + 1;
    long room = size + 2L * padding - span;
    return room < 0 ? 0 : (int) Math.min(room / stride + 1, Integer.MAX_VALUE);
  }
}
