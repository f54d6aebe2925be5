package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.spikewise.problem.Mistakes;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * One layer of a sequential network. Names, options and defaults are those of PyTorch and sinabs;
 * the suffix {@code Squeeze}, which in sinabs folds time into the batch, is accepted and changes
 * nothing, because batch and time are always apart here.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
  @JsonSubTypes.Type(value = LayerSpec.FlattenTime.class, name = "FlattenTime"),
  @JsonSubTypes.Type(value = LayerSpec.UnflattenTime.class, name = "UnflattenTime"),
  @JsonSubTypes.Type(value = LayerSpec.Conv2d.class, name = "Conv2d"),
  @JsonSubTypes.Type(value = LayerSpec.Conv1d.class, name = "Conv1d"),
  @JsonSubTypes.Type(value = LayerSpec.Linear.class, name = "Linear"),
  @JsonSubTypes.Type(value = LayerSpec.SumPool2d.class, name = "SumPool2d"),
  @JsonSubTypes.Type(value = LayerSpec.AvgPool2d.class, name = "AvgPool2d"),
  @JsonSubTypes.Type(
      value = LayerSpec.SpikingMaxPooling2dLayer.class,
      names = {"SpikingMaxPooling2dLayer", "SpikingMaxPool2d"}),
  @JsonSubTypes.Type(value = LayerSpec.BatchNorm2d.class, name = "BatchNorm2d"),
  @JsonSubTypes.Type(value = LayerSpec.Dropout.class, name = "Dropout"),
  @JsonSubTypes.Type(value = LayerSpec.Dropout2d.class, name = "Dropout2d"),
  @JsonSubTypes.Type(value = LayerSpec.ReLU.class, name = "ReLU"),
  @JsonSubTypes.Type(value = LayerSpec.NeuromorphicReLU.class, name = "NeuromorphicReLU"),
  @JsonSubTypes.Type(value = LayerSpec.Flatten.class, name = "Flatten"),
  @JsonSubTypes.Type(
      value = LayerSpec.IAF.class,
      names = {"IAF", "IAFSqueeze"}),
  @JsonSubTypes.Type(
      value = LayerSpec.LIF.class,
      names = {"LIF", "LIFSqueeze"}),
  @JsonSubTypes.Type(
      value = LayerSpec.ALIF.class,
      names = {"ALIF", "ALIFSqueeze"}),
  @JsonSubTypes.Type(
      value = LayerSpec.IAFRecurrent.class,
      names = {"IAFRecurrent", "IAFRecurrentSqueeze"}),
  @JsonSubTypes.Type(
      value = LayerSpec.LIFRecurrent.class,
      names = {"LIFRecurrent", "LIFRecurrentSqueeze"}),
  @JsonSubTypes.Type(
      value = LayerSpec.ExpLeak.class,
      names = {"ExpLeak", "ExpLeakSqueeze"}),
})
@JsonInclude(JsonInclude.Include.NON_NULL)
public sealed interface LayerSpec {

  /** Reports options that are wrong in themselves, whatever the layer's input. */
  default void check(Mistakes mistakes) {}

  /** The shape this layer makes of {@code input}, or null after reporting why it cannot take it. */
  @Nullable Shape outputShape(Shape input, Mistakes mistakes);

  /**
   * What is trained: name within the layer and shape, as PyTorch has them, for an input that fits.
   */
  default SequencedMap<String, Shape> parameters(Shape input) {
    return new LinkedHashMap<>();
  }

  /** What a state_dict keeps beside the parameters: name within the layer and shape. */
  default SequencedMap<String, Shape> buffers(Shape input) {
    return new LinkedHashMap<>();
  }

  /** The layer's name as PyTorch and sinabs spell it. */
  @JsonIgnore
  default String typeName() {
    return getClass().getSimpleName();
  }

  /** A layer with weights: its input spikes cause synaptic operations. */
  sealed interface Synaptic extends LayerSpec {
    /** Whether each output has a trained bias. */
    Boolean bias();

    /** PyTorch's shape of the weights for an input that fits. */
    Shape weightShape(Shape input);

    @Override
    default SequencedMap<String, Shape> parameters(Shape input) {
      var parameters = new LinkedHashMap<String, Shape>();
      parameters.put("weight", weightShape(input));
      if (bias()) {
        parameters.put("bias", Shape.of(weightShape(input).dim(0)));
      }
      return parameters;
    }
  }

  /** A layer whose output has its input's shape. */
  sealed interface Elementwise extends LayerSpec {
    @Override
    default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      return input;
    }
  }

  /** A layer of neurons with a state. */
  sealed interface Neuron extends Elementwise {
    /** Time constants in time steps; null where the neuron has none. */
    default @Nullable Double tauMem() {
      return null;
    }

    /** Time constant of the synapses, in time steps; null where they have none. */
    @Nullable Double tauSyn();

    default @Nullable Double tauAdapt() {
      return null;
    }

    /** Whether exp(-1 / tau) is trained in place of tau. */
    default Boolean trainAlphas() {
      return false;
    }

    /** Whether the input current is scaled by 1 - exp(-1 / tau_mem). */
    default Boolean normInput() {
      return false;
    }

    /** Lower bound of the membrane potential; none if null. */
    @Nullable Double minVMem();

    /** Trainable time constants under sinabs' names, with their initial values. */
    default SequencedMap<String, Double> timeConstants() {
      var constants = new LinkedHashMap<String, Double>();
      put(constants, "mem", tauMem());
      put(constants, "adapt", tauAdapt());
      put(constants, "syn", tauSyn());
      return constants;
    }

    private void put(SequencedMap<String, Double> constants, String which, @Nullable Double tau) {
      if (tau != null) {
        constants.put(
            (trainAlphas() ? "alpha_" : "tau_") + which, trainAlphas() ? Math.exp(-1 / tau) : tau);
      }
    }

    @Override
    default SequencedMap<String, Shape> parameters(Shape input) {
      var parameters = new LinkedHashMap<String, Shape>();
      timeConstants().keySet().forEach(name -> parameters.put(name, Shape.of()));
      return parameters;
    }

    @Override
    default void check(Mistakes mistakes) {
      positive(tauMem(), "tau_mem", mistakes);
      positive(tauSyn(), "tau_syn", mistakes);
      positive(tauAdapt(), "tau_adapt", mistakes);
      if (minVMem() != null) {
        mistakes.finite(minVMem(), "min_v_mem");
      }
    }

    private static void positive(@Nullable Double tau, String name, Mistakes mistakes) {
      if (tau != null) {
        mistakes.positive(tau, name);
      }
    }
  }

  /** A layer of spiking neurons. */
  sealed interface Spiking extends Neuron {
    /** The membrane potential at which a neuron spikes. */
    Double spikeThreshold();

    SpikeFn spikeFn();

    ResetFn resetFn();

    /** What stands for the derivative of a spike in the backward pass. */
    SurrogateSpec surrogateGradFn();

    /**
     * Reproduces sinabs' MembraneReset, which adds the reset value to every neuron, spiking or not.
     */
    Boolean sinabsCompat();

    @Override
    default void check(Mistakes mistakes) {
      Neuron.super.check(mistakes);
      mistakes.positive(spikeThreshold(), "spike_threshold");
      surrogateGradFn().check(mistakes.in("surrogate_grad_fn"));
      if (minVMem() != null) {
        mistakes.require(
            minVMem() < spikeThreshold(),
            "min_v_mem",
            "must be below spike_threshold " + spikeThreshold() + ", was " + minVMem());
      }
    }
  }

  /**
   * Spiking neurons whose spikes come back to all of them as input, one step later, through a
   * Linear layer.
   */
  sealed interface Recurrent extends Spiking {
    /** From all neurons to all neurons; without a bias if null. */
    @Nullable Linear recConnect();

    default boolean recurrentBias() {
      return recConnect() != null && recConnect().bias();
    }

    @Override
    default SequencedMap<String, Shape> parameters(Shape input) {
      var parameters = Spiking.super.parameters(input);
      parameters.put("rec_connect.weight", Shape.of(input.size(), input.size()));
      if (recurrentBias()) {
        parameters.put("rec_connect.bias", Shape.of(input.size()));
      }
      return parameters;
    }

    @Override
    default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 1) {
        mistakes.add(
            typeName()
                + " takes a flat input, but the layers before it give "
                + input
                + "; put a Flatten before it");
        return null;
      }
      if (recConnect() != null) {
        Shape back = recConnect().outputShape(input, mistakes.in("rec_connect"));
        if (back != null && !back.equals(input)) {
          mistakes
              .in("rec_connect")
              .in("out_features")
              .add("must be " + input.dim(0) + ", was " + back.dim(0));
        }
      }
      return input;
    }
  }

  /** Folds time into the batch in sinabs; changes nothing here. */
  record FlattenTime() implements Elementwise {}

  /** Unfolds time from the batch in sinabs; changes nothing here. */
  record UnflattenTime() implements Elementwise {}

  /**
   * PyTorch's Conv2d: (Cin, H, W) to (Cout, H', W'), zero padding.
   *
   * @param inChannels of the input; taken from the layers before if null
   * @param outChannels number of kernels
   * @param kernelSize of a window
   * @param stride from one window to the next
   * @param padding zeros around the input
   * @param dilation distance between the taps of a kernel
   * @param groups parts that channels are split into, each convolved by itself
   */
  record Conv2d(
      @Nullable Integer inChannels,
      Integer outChannels,
      Size2 kernelSize,
      Size2 stride,
      Size2 padding,
      Size2 dilation,
      Integer groups,
      Boolean bias)
      implements Synaptic {
    public Conv2d {
      stride = stride == null ? Size2.ONE : stride;
      padding = padding == null ? Size2.ZERO : padding;
      dilation = dilation == null ? Size2.ONE : dilation;
      groups = groups == null ? 1 : groups;
      bias = bias == null ? true : bias;
    }

    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(outChannels != null, "out_channels", "is missing")) {
        mistakes.atLeast(outChannels, 1, "out_channels");
      }
      if (mistakes.require(kernelSize != null, "kernel_size", "is missing")) {
        kernelSize.atLeast(1, "kernel_size", mistakes);
      }
      if (inChannels != null) {
        mistakes.atLeast(inChannels, 1, "in_channels");
      }
      stride.atLeast(1, "stride", mistakes);
      padding.atLeast(0, "padding", mistakes);
      dilation.atLeast(1, "dilation", mistakes);
      if (mistakes.atLeast(groups, 1, "groups") && outChannels != null) {
        mistakes.require(
            outChannels % groups == 0,
            "groups",
            "must divide out_channels " + outChannels + ", was " + groups);
      }
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 3) {
        mistakes.add("Conv2d takes a (C, H, W) input, but the layers before it give " + input);
        return null;
      }
      int channels = input.dim(0);
      if (inChannels != null && inChannels != channels) {
        mistakes
            .in("in_channels")
            .add(
                "must be "
                    + channels
                    + ", because the layers before it give "
                    + input
                    + ", was "
                    + inChannels);
        return null;
      }
      if (channels % groups != 0) {
        mistakes.in("groups").add("must divide the " + channels + " input channels, was " + groups);
        return null;
      }
      int h = windows(input.dim(1), kernelSize.h(), stride.h(), padding.h(), dilation.h());
      int w = windows(input.dim(2), kernelSize.w(), stride.w(), padding.w(), dilation.w());
      if (h < 1 || w < 1) {
        mistakes
            .in("kernel_size")
            .add(
                "a kernel of "
                    + kernelSize
                    + " with dilation "
                    + dilation
                    + " does not fit the input "
                    + input
                    + " with padding "
                    + padding);
        return null;
      }
      return Shape.of(outChannels, h, w);
    }

    @Override
    public Shape weightShape(Shape input) {
      return Shape.of(outChannels, input.dim(0) / groups, kernelSize.h(), kernelSize.w());
    }
  }

  /**
   * PyTorch's Conv1d: (Cin, L) to (Cout, L'), zero padding.
   *
   * @param inChannels of the input; taken from the layers before if null
   * @param outChannels number of kernels
   * @param kernelSize of a window
   * @param stride from one window to the next
   * @param padding zeros around the input
   * @param dilation distance between the taps of a kernel
   * @param groups parts that channels are split into, each convolved by itself
   */
  record Conv1d(
      @Nullable Integer inChannels,
      Integer outChannels,
      Integer kernelSize,
      Integer stride,
      Integer padding,
      Integer dilation,
      Integer groups,
      Boolean bias)
      implements Synaptic {
    public Conv1d {
      stride = stride == null ? 1 : stride;
      padding = padding == null ? 0 : padding;
      dilation = dilation == null ? 1 : dilation;
      groups = groups == null ? 1 : groups;
      bias = bias == null ? true : bias;
    }

    /** The same sums over (Cin, 1, L). */
    public Conv2d asConv2d() {
      return new Conv2d(
          inChannels,
          outChannels,
          new Size2(1, kernelSize),
          new Size2(1, stride),
          new Size2(0, padding),
          new Size2(1, dilation),
          groups,
          bias);
    }

    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(kernelSize != null, "kernel_size", "is missing")
          && mistakes.atLeast(kernelSize, 1, "kernel_size")
              & mistakes.atLeast(stride, 1, "stride")
              & mistakes.atLeast(padding, 0, "padding")
              & mistakes.atLeast(dilation, 1, "dilation")) {
        asConv2d().check(mistakes);
      }
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 2) {
        mistakes.add("Conv1d takes a (C, L) input, but the layers before it give " + input);
        return null;
      }
      Shape output = asConv2d().outputShape(Shape.of(input.dim(0), 1, input.dim(1)), mistakes);
      return output == null ? null : Shape.of(output.dim(0), output.dim(2));
    }

    @Override
    public Shape weightShape(Shape input) {
      return Shape.of(outChannels, input.dim(0) / groups, kernelSize);
    }
  }

  /**
   * PyTorch's Linear: (in) to (out).
   *
   * @param inFeatures of the input; taken from the layers before if null
   * @param outFeatures number of outputs
   */
  record Linear(@Nullable Integer inFeatures, Integer outFeatures, Boolean bias)
      implements Synaptic {
    public Linear {
      bias = bias == null ? true : bias;
    }

    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(outFeatures != null, "out_features", "is missing")) {
        mistakes.atLeast(outFeatures, 1, "out_features");
      }
      if (inFeatures != null) {
        mistakes.atLeast(inFeatures, 1, "in_features");
      }
    }

    @Override
    public @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 1) {
        mistakes.add(
            "Linear takes a flat input, but the layers before it give "
                + input
                + "; put a Flatten before it");
        return null;
      }
      if (inFeatures != null && inFeatures != input.dim(0)) {
        mistakes
            .in("in_features")
            .add(
                "must be "
                    + input.dim(0)
                    + ", because the layers before it give "
                    + input
                    + ", was "
                    + inFeatures);
        return null;
      }
      return Shape.of(outFeatures);
    }

    @Override
    public Shape weightShape(Shape input) {
      return Shape.of(outFeatures, input.dim(0));
    }
  }

  /** A layer that joins a window of each channel into one value. */
  sealed interface Pool extends LayerSpec {
    /** Of a window. */
    Size2 kernelSize();

    /** From one window to the next; that of the window if null. */
    Size2 stride();

    /** Zeros around the input. */
    Size2 padding();

    @Override
    default void check(Mistakes mistakes) {
      if (mistakes.require(kernelSize() != null, "kernel_size", "is missing")) {
        kernelSize().atLeast(1, "kernel_size", mistakes);
        stride().atLeast(1, "stride", mistakes);
        padding().atLeast(0, "padding", mistakes);
        mistakes.require(
            2L * padding().h() <= kernelSize().h() && 2L * padding().w() <= kernelSize().w(),
            "padding",
            "must be at most half of kernel_size " + kernelSize() + ", was " + padding());
      }
    }

    @Override
    default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
      if (input.rank() != 3) {
        mistakes.add(
            typeName() + " takes a (C, H, W) input, but the layers before it give " + input);
        return null;
      }
      int h = windows(input.dim(1), kernelSize().h(), stride().h(), padding().h(), 1);
      int w = windows(input.dim(2), kernelSize().w(), stride().w(), padding().w(), 1);
      if (h < 1 || w < 1) {
        mistakes
            .in("kernel_size")
            .add("a window of " + kernelSize() + " does not fit the input " + input);
        return null;
      }
      return Shape.of(input.dim(0), h, w);
    }
  }

  /**
   * sinabs' SumPool2d. Its backward pass, PyTorch's LPPool2d with p = 1, gives no gradient to a
   * window whose sum is 0; {@code silent_window_gradient: true} selects the true derivative of a
   * sum.
   *
   * @param silentWindowGradient whether a window whose sum is 0 gets a gradient
   */
  record SumPool2d(Size2 kernelSize, Size2 stride, Boolean silentWindowGradient) implements Pool {
    public SumPool2d {
      stride = stride == null ? kernelSize : stride;
      silentWindowGradient = silentWindowGradient == null ? false : silentWindowGradient;
    }

    @Override
    @JsonIgnore
    public Size2 padding() {
      return Size2.ZERO;
    }
  }

  /** PyTorch's AvgPool2d, padding zeros counted in the average. */
  record AvgPool2d(Size2 kernelSize, Size2 stride, Size2 padding) implements Pool {
    public AvgPool2d {
      stride = stride == null ? kernelSize : stride;
      padding = padding == null ? Size2.ZERO : padding;
    }
  }

  /**
   * sinabs' SpikingMaxPooling2dLayer: of each window, the neuron with the most spikes so far
   * speaks; what the window puts out at a step is its largest input, if the neuron that is ahead is
   * among those that spike.
   */
  record SpikingMaxPooling2dLayer(Size2 kernelSize, Size2 stride, Size2 padding) implements Pool {
    public SpikingMaxPooling2dLayer {
      stride = stride == null ? kernelSize : stride;
      padding = padding == null ? Size2.ZERO : padding;
    }
  }

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
      implements LayerSpec {
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

  /**
   * A layer that, while training, silences what it draws with probability p, for all time steps of
   * a sample, and divides the rest by 1 - p.
   */
  sealed interface Silencing extends Elementwise {
    /** The probability. */
    Double p();

    @Override
    default void check(Mistakes mistakes) {
      mistakes.between(p(), 0, 1, "p");
    }
  }

  /** PyTorch's Dropout, for single values (Srivastava et al. 2014). */
  record Dropout(Double p) implements Silencing {
    public Dropout {
      p = p == null ? 0.5 : p;
    }
  }

  /** PyTorch's Dropout2d, for whole channels. */
  record Dropout2d(Double p) implements Silencing {
    public Dropout2d {
      p = p == null ? 0.5 : p;
    }
  }

  /** A layer that puts out max(x, 0), perhaps rounded. Its gradient is that of max(x, 0). */
  sealed interface Rectifier extends Elementwise {}

  /** PyTorch's ReLU. */
  record ReLU() implements Rectifier {}

  /**
   * sinabs' NeuromorphicReLU: the spikes that a spiking twin would send, for networks that are
   * trained without time (Sorbaro et al. 2020, doi:10.3389/fnins.2020.00662).
   *
   * @param quantize whether the output is rounded down
   * @param fanout what the sum of a sample's output is multiplied by to be its {@code activity}
   * @param stochasticRounding whether the output is, while training, rounded up with its fraction
   *     as the probability, and otherwise to the nearest
   */
  record NeuromorphicReLU(Boolean quantize, Double fanout, Boolean stochasticRounding)
      implements Rectifier {
    public NeuromorphicReLU {
      quantize = quantize == null ? true : quantize;
      fanout = fanout == null ? 1.0 : fanout;
      stochasticRounding = stochasticRounding == null ? false : stochasticRounding;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          fanout >= 0 && Double.isFinite(fanout),
          "fanout",
          "must be a finite number of at least 0, was " + fanout);
    }
  }

  /** PyTorch's Flatten over everything but batch and time: (C, H, W) to (C * H * W). */
  record Flatten() implements LayerSpec {
    @Override
    public Shape outputShape(Shape input, Mistakes mistakes) {
      return Shape.of(input.size());
    }
  }

  /** Integrate-and-fire neurons without leak. */
  record IAF(
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @Nullable Double tauSyn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Spiking {
    public IAF {
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }
  }

  /**
   * Leaky integrate-and-fire neurons; {@code tau_mem} and {@code tau_syn} in time steps, trainable.
   */
  record LIF(
      Double tauMem,
      @Nullable Double tauSyn,
      Boolean trainAlphas,
      Boolean normInput,
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Spiking {
    public LIF {
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? true : normInput;
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public void check(Mistakes mistakes) {
      Spiking.super.check(mistakes);
      mistakes.require(tauMem != null, "tau_mem", "is missing");
    }
  }

  /**
   * Leaky neurons whose threshold, {@code spike_threshold + adapt_scale b}, rises with their spikes
   * and decays with {@code tau_adapt}. One spike a step at most, unless told otherwise.
   *
   * @param tauAdapt time constant of the threshold, in time steps
   * @param adaptScale what a spike adds to the threshold, before it decays
   */
  record ALIF(
      Double tauMem,
      Double tauAdapt,
      @Nullable Double tauSyn,
      Double adaptScale,
      Boolean trainAlphas,
      Boolean normInput,
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Spiking {
    public ALIF {
      adaptScale = adaptScale == null ? 1.8 : adaptScale;
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? true : normInput;
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.SINGLE : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public void check(Mistakes mistakes) {
      Spiking.super.check(mistakes);
      mistakes.require(tauMem != null, "tau_mem", "is missing");
      mistakes.require(tauAdapt != null, "tau_adapt", "is missing");
      mistakes.finite(adaptScale, "adapt_scale");
    }
  }

  /** IAF neurons with a way back from each to all. */
  record IAFRecurrent(
      @Nullable Linear recConnect,
      @Nullable Double tauSyn,
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Recurrent {
    public IAFRecurrent {
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }
  }

  /** LIF neurons with a way back from each to all. */
  record LIFRecurrent(
      Double tauMem,
      @Nullable Linear recConnect,
      @Nullable Double tauSyn,
      Boolean trainAlphas,
      Boolean normInput,
      Double spikeThreshold,
      SpikeFn spikeFn,
      ResetFn resetFn,
      SurrogateSpec surrogateGradFn,
      @JsonProperty("min_v_mem") @Nullable Double minVMem,
      Boolean sinabsCompat)
      implements Recurrent {
    public LIFRecurrent {
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? true : normInput;
      spikeThreshold = spikeThreshold == null ? 1.0 : spikeThreshold;
      spikeFn = spikeFn == null ? SpikeFn.MULTI : spikeFn;
      resetFn = resetFn == null ? ResetFn.SUBTRACT : resetFn;
      surrogateGradFn = surrogateGradFn == null ? SurrogateSpec.DEFAULT : surrogateGradFn;
      sinabsCompat = sinabsCompat == null ? false : sinabsCompat;
    }

    @Override
    public void check(Mistakes mistakes) {
      Recurrent.super.check(mistakes);
      mistakes.require(tauMem != null, "tau_mem", "is missing");
    }
  }

  /** Leaky integrators without spikes: the output is the membrane potential. */
  record ExpLeak(
      Double tauMem,
      @Nullable Double tauSyn,
      Boolean trainAlphas,
      Boolean normInput,
      @JsonProperty("min_v_mem") @Nullable Double minVMem)
      implements Neuron {
    public ExpLeak {
      trainAlphas = trainAlphas == null ? false : trainAlphas;
      normInput = normInput == null ? false : normInput;
    }

    @Override
    public void check(Mistakes mistakes) {
      Neuron.super.check(mistakes);
      mistakes.require(tauMem != null, "tau_mem", "is missing");
    }
  }

  /**
   * Number of positions of a window along one axis, PyTorch's floor rule; below 1 where it does not
   * fit.
   */
  private static int windows(int size, int kernel, int stride, int padding, int dilation) {
    long span = (long) dilation * (kernel - 1) + 1;
    long room = size + 2L * padding - span;
    return room < 0 ? 0 : (int) Math.min(room / stride + 1, Integer.MAX_VALUE);
  }
}
