package dev.spikewise.interop.nir;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * NIR as interpreted by one library: files are read as the library's importer reads them, and
 * written so that its importer computes the same as the layers here. NIR uses continuous time;
 * {@code a} is the decay of the membrane per time step {@code dt}, and {@code g} the factor of the
 * input current:
 *
 * <table><caption>Leaky neurons</caption>
 * <tr><td>sinabs</td><td>a = exp(-1 / tau), tau in steps</td><td>g = 1</td></tr>
 * <tr><td>Norse</td><td>a = 1 - dt / tau</td><td>g = 1 - a</td></tr>
 * <tr><td>snnTorch, SpikingJelly</td><td>a = 1 - dt / tau</td><td>g = r (1 - a)</td></tr>
 * <tr><td>Lava</td><td>a = 1 - dt / tau, in 4096ths</td><td>g = 1</td></tr>
 * </table>
 *
 * <p>All except sinabs spike at most once per time step and reset to v_reset; Lava resets to 0.
 *
 * <p>Lava means SLAYER of lava-dl with the importer and exporter in NIR's repository. Its neurons
 * use integer arithmetic. Files are read with decays and thresholds rounded in the same way; layers
 * that rounding would change by more than {@link #ROUNDING} are not written. Scaling weights and
 * thresholds up would reduce the error, but a chip's weights have 8 bits.
 */
public enum NirDialect {
  SINABS(1),
  NORSE(1e-3),
  SNNTORCH(1e-4),
  SPIKINGJELLY(1e-4),
  LAVA(1e-4);

  /** Decay of a membrane without leak for formats that require a finite time constant. */
  private static final double NO_LEAK = 1 - 1e-9;

  /** Time constant of a membrane whose decay, exp(-1 / tau), is 0 in float32. */
  private static final double FORGETS = 1e-3;

  /** Number of steps of Lava's decays. */
  private static final int DECAY_STEPS = 1 << 12;

  /** Number of steps of Lava's thresholds in IF nodes and in CubaLIF nodes. */
  private static final int IF_STEPS = 1 << 12;

  private static final int CUBA_STEPS = 1 << 6;

  /** Maximum relative change of a decay or threshold by Lava's rounding. */
  private static final double ROUNDING = 0.02;

  /** Default surrogate gradient, because NIR does not describe gradients. */
  private static final SurrogateSpec SURROGATE = new SurrogateSpec.SingleExponential(0.5, 1.0);

  private final double dt;

  NirDialect(double dt) {
    this.dt = dt;
  }

  /**
   * Type of the node for a pool. When the importer supports only one kind of pool, it also
   * represents the other, and the following weights are scaled.
   */
  String pool(PoolSpec layer) {
    return switch (layer) {
      case PoolSpec.SumPool2d _ when this == SNNTORCH || this == SPIKINGJELLY -> "AvgPool2d";
      case PoolSpec.AvgPool2d _ when this == LAVA || this == SINABS -> "SumPool2d";
      default -> layer.typeName();
    };
  }

  /** Index of the first dimension to flatten, as the importer counts: with or without the batch. */
  int flattenStart() {
    return this == NORSE || this == SNNTORCH ? 1 : 0;
  }

  NeuronSpec.Spiking read(NirNode node) {
    if (this == SNNTORCH || this == SPIKINGJELLY || this == LAVA) {
      return readShared(node);
    }
    return (NeuronSpec.Spiking) PerNeuron.read(node, this::readShared);
  }

  private NeuronSpec.Spiking readShared(NirNode node) {
    return switch (node.type()) {
      case "IF" -> {
        require(node, "r", this == SPIKINGJELLY ? 1 / dt : 1);
        double threshold = node.uniform("v_threshold");
        yield iaf(node, this == LAVA ? spikesAt(threshold, IF_STEPS) : threshold);
      }
      case "LIF" -> {
        if (this == LAVA) {
          throw node.invalid(null, "LIF is not supported by LAVA; choose another dialect");
        }
        require(node, "v_leak", 0);
        double r = node.uniform("r");
        double a = decay(node, "tau");
        if (a > 1 - 1e-6 && r != 1) {
          yield iaf(node, node.uniform("v_threshold") / (r * dt / node.uniform("tau")));
        }
        boolean normInput =
            switch (this) {
              case SINABS -> false;
              case NORSE -> true;
              default -> r == 1;
            };
        if (this == SINABS || this == NORSE) {
          require(node, "r", 1);
        }
        yield lif(node, a, null, normInput, this == SNNTORCH && !normInput ? r * (1 - a) : 1);
      }
      case "CubaLIF" -> {
        if (this == LAVA) {
          yield cuba(node);
        }
        if (this != NORSE && this != SNNTORCH) {
          throw node.invalid(
              null, "CubaLIF is not supported by " + this + "; choose another dialect");
        }
        require(node, "v_leak", 0);
        double a = decay(node, "tau_mem");
        double as = decay(node, "tau_syn");
        boolean normInput = isNormed(node, a);
        yield lif(node, a, -1 / Math.log(as), normInput, cubaScale(node, as, normInput));
      }
      default ->
          throw node.invalid(null, "a node of type " + node.type() + " has no counterpart here");
    };
  }

  /** Neurons that do not spike and output their potential. */
  NeuronSpec.ExpLeak readLeak(NirNode node) {
    return (NeuronSpec.ExpLeak) PerNeuron.read(node, this::readSharedLeak);
  }

  private NeuronSpec.ExpLeak readSharedLeak(NirNode node) {
    if (!leaks()) {
      throw node.invalid(null, "LI is not supported by " + this + "; choose another dialect");
    }
    require(node, "v_leak", 0);
    require(node, "r", 1);
    return new NeuronSpec.ExpLeak(
        Constant.of(steps(decay(node, "tau"))), null, false, this == NORSE, null);
  }

  /**
   * Neurons that do not spike.
   *
   * @param scale factor from the layer's output to the node's output
   */
  record ScaledLeak(NeuronSpec.ExpLeak layer, double scale) {}

  /** Same as CubaLIF, with the potential as output. */
  ScaledLeak readCubaLeak(NirNode node) {
    var scales = new TreeSet<Double>();
    var layer =
        (NeuronSpec.ExpLeak)
            PerNeuron.read(
                node,
                one -> {
                  ScaledLeak read = readSharedCubaLeak(one);
                  scales.add(read.scale());
                  return read.layer();
                });
    if (scales.last() - scales.first() > 1e-5 * Math.abs(scales.last())) {
      throw node.invalid(
          "w_in", "makes outputs of different scales; a layer has one scale for all neurons here");
    }
    return new ScaledLeak(layer, scales.last());
  }

  private ScaledLeak readSharedCubaLeak(NirNode node) {
    if (this != NORSE && this != SNNTORCH) {
      throw node.invalid(
          null, "CubaLI is not supported by " + this + "; choose another dialect, such as norse");
    }
    require(node, "v_leak", 0);
    double a = decay(node, "tau_mem");
    double as = decay(node, "tau_syn");
    boolean normInput = isNormed(node, a);
    return new ScaledLeak(
        new NeuronSpec.ExpLeak(
            Constant.of(steps(a)), Constant.of(steps(as)), false, normInput, null),
        cubaScale(node, as, normInput));
  }

  private static boolean isNormed(NirNode node, double a) {
    return Math.abs(node.uniform("r") * (1 - a) - 1) > 1e-3;
  }

  private static double cubaScale(NirNode node, double as, boolean normInput) {
    if (as == 0) {
      throw node.invalid("tau_syn", "must be more than a time step");
    }
    return node.uniform("w_in", 1) * (1 - as) / as * (normInput ? node.uniform("r") : 1);
  }

  /** An integrator without leak, whose input is scaled as that of an IF node. */
  void checkIntegrator(NirNode node) {
    require(node, "r", this == SPIKINGJELLY ? 1 / dt : 1);
  }

  /**
   * A threshold without memory: a membrane that decays completely between two time steps. NIR's
   * Threshold spikes if its input is above the threshold; neurons here also spike if both are
   * equal.
   */
  static NeuronSpec.LIF readThreshold(NirNode node) {
    return new NeuronSpec.LIF(
        Constant.of(FORGETS),
        null,
        false,
        false,
        Constant.of(Math.nextUp(node.uniform("threshold"))),
        SpikeFn.SINGLE,
        ResetFn.RESET,
        SURROGATE,
        null,
        false);
  }

  private boolean leaks() {
    return this == SINABS || this == NORSE;
  }

  private NeuronSpec.IAF iaf(NirNode node, double threshold) {
    return this == SINABS
        ? new NeuronSpec.IAF(
            Constant.of(threshold),
            SpikeFn.MULTI,
            ResetFn.SUBTRACT,
            SURROGATE,
            null,
            -threshold,
            false)
        : new NeuronSpec.IAF(
            Constant.of(threshold), SpikeFn.SINGLE, reset(node, 1), SURROGATE, null, null, false);
  }

  private NeuronSpec.LIF lif(
      NirNode node, double a, @Nullable Double tauSyn, boolean normInput, double scale) {
    boolean sinabs = this == SINABS;
    return new NeuronSpec.LIF(
        Constant.of(steps(a)),
        Constant.ofNullable(tauSyn),
        false,
        normInput,
        Constant.of(node.uniform("v_threshold") / scale),
        sinabs ? SpikeFn.MULTI : SpikeFn.SINGLE,
        sinabs ? ResetFn.SUBTRACT : reset(node, scale),
        SURROGATE,
        null,
        false);
  }

  /** SLAYER's neurons: i = as i + x; v = a v + i. Here, as in sinabs, i = as (i + x). */
  private NeuronSpec.Spiking cuba(NirNode node) {
    require(node, "v_leak", 0);
    double tauMem = node.uniformOrInfinite("tau_mem");
    double tauSyn = node.uniformOrInfinite("tau_syn");
    require(node, "r", tauMem / dt);
    require(node, "w_in", tauSyn / dt);
    double a = kept(dt / tauMem);
    double as = kept(dt / tauSyn);
    if (!(a > 0 && a <= 1)) {
      throw node.invalid("tau_mem", "must be more than a time step of " + dt);
    }
    if (!(as >= 0 && as < 1)) {
      throw node.invalid(
          "tau_syn", "must be above 0 so that the current decays, but was " + tauSyn);
    }
    Constant threshold =
        Constant.of(spikesAt(node.uniform("v_threshold"), CUBA_STEPS) * (as == 0 ? 1 : as));
    Constant syn = as == 0 ? null : Constant.of(-1 / Math.log(as));
    ResetFn reset = reset(node, 1);
    return a == 1
        ? new NeuronSpec.IAF(threshold, SpikeFn.SINGLE, reset, SURROGATE, syn, null, false)
        : new NeuronSpec.LIF(
            Constant.of(-1 / Math.log(a)),
            syn,
            false,
            false,
            threshold,
            SpikeFn.SINGLE,
            reset,
            SURROGATE,
            null,
            false);
  }

  /** What Lava leaves of a state after a step, given the decay. */
  private static double kept(double decay) {
    return 1 - Math.min(1, Math.rint(decay * DECAY_STEPS) / DECAY_STEPS);
  }

  /**
   * The least potential at which Lava's neurons spike. It cuts their threshold to whole steps and
   * potentials to 64ths of them, and adds a hundredth of such a 64th to the threshold, so that it
   * must be passed, not met. The sum is in float32, where a high threshold loses what was added.
   */
  private static double spikesAt(double threshold, int steps) {
    double states = 64.0 * steps;
    double there = (float) (Math.floor(threshold * steps) / steps + 0.01 / states);
    return Math.ceil(there * states) / states;
  }

  /** Weights from neurons back to themselves: Lava has 8 bits for each. */
  Tensor back(Tensor weight) {
    if (this != LAVA) {
      return weight;
    }
    var rounded = weight.data().clone();
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] = Math.clamp((float) Math.rint(rounded[i] * 32) / 32, -4, 127 / 32f);
    }
    return new Tensor(weight.shape(), rounded);
  }

  private ResetFn reset(NirNode node, double scale) {
    if (this == LAVA && node.uniform("v_reset", 0) != 0) {
      throw node.invalid("v_reset", "must be 0 in the dialect LAVA");
    }
    return new ResetFn(ResetFn.Kind.RESET, node.uniform("v_reset", 0) / scale);
  }

  /** What a membrane or synapse keeps from one step to the next. */
  private double decay(NirNode node, String field) {
    double tau = node.uniform(field);
    double a = this == SINABS ? Math.exp(-1 / tau) : 1 - dt / tau;
    if (this != SINABS && Math.abs(a) < 1e-6) {
      return 0;
    }
    if (!(tau > dt / 4 && a > 0)) {
      throw node.invalid(
          field,
          "is "
              + tau
              + ", less than a time step of "
              + dt
              + (this == SINABS ? ": it may be in seconds; give the dialect" : ""));
    }
    return a;
  }

  /** Time constant in time steps of a membrane or synapse that keeps {@code a} per step. */
  private static double steps(double a) {
    return a == 0 ? FORGETS : -1 / Math.log(a);
  }

  private void require(NirNode node, String field, double value) {
    double found = node.uniformOrInfinite(field);
    if (found != value && !(Math.abs(found / value - 1) <= 1e-3)) {
      throw node.invalid(
          field, "must be " + value + " in the dialect " + this + " but was " + found);
    }
  }

  /**
   * Whether PyTorch makes a convolution of a node: importers take the weight's second dimension for
   * the number of input channels, which the groups must divide.
   */
  private static boolean readsGroups(int inChannels, int groups) {
    return groups == 1 || inChannels / groups % groups == 0;
  }

  /** Refuses layers that have a node, but one that this library's importer reads otherwise. */
  void check(String path, LayerSpec layer, Shape input, boolean biased) {
    String unread =
        switch (layer) {
          case SynapticSpec.Conv2d conv
              when this != LAVA && !readsGroups(input.dim(0), conv.groups()) ->
              "has "
                  + conv.groups()
                  + " groups of "
                  + input.dim(0) / conv.groups()
                  + " channels, which no importer of NIR files reads";
          case PoolSpec.AvgPool2d pool when this == SINABS && !pool.padding().equals(Size2.ZERO) ->
              "must have no padding for sinabs, which knows no AvgPool2d and reads no padding of a"
                  + " SumPool2d";
          default -> null;
        };
    if (unread != null) {
      throw new InvalidSpecException(path, unread);
    }
    if (this != LAVA) {
      return;
    }
    String wrong =
        switch (layer) {
          case SynapticSpec.Conv2d conv when conv.groups() != 1 -> "must have one group for Lava";
          case SynapticSpec.Conv2d _ when biased -> "must have no bias for Lava";
          case PoolSpec pool
              when !pool.stride().equals(pool.kernelSize())
                  || !pool.padding().equals(Size2.ZERO)
                  || input.dim(1) % pool.kernelSize().h() != 0
                  || input.dim(2) % pool.kernelSize().w() != 0 ->
              "must have windows that do not overlap and that cover the whole input for Lava";
          default -> null;
        };
    if (wrong != null) {
      throw new InvalidSpecException(path, wrong);
    }
  }

  /** The node that {@code this} library's importer makes the layer of. */
  NirNode write(String path, NeuronSpec layer, Shape shape) {
    if (this == SNNTORCH || this == SPIKINGJELLY || this == LAVA) {
      return writeShared(path, layer, shape);
    }
    return PerNeuron.write(path, layer, shape, (one, its) -> writeShared(path, one, its));
  }

  /** The type of the node for a layer. */
  String type(String path, NeuronSpec layer) {
    return switch (layer) {
      case NeuronSpec.Spiking spiking when spiking.tauSyn() != null -> "CubaLIF";
      default -> writeShared(path, PerNeuron.first(layer), Shape.of(1)).type();
    };
  }

  private NirNode writeShared(String path, NeuronSpec layer, Shape shape) {
    return switch (layer) {
      case NeuronSpec.ExpLeak leak -> leak(path, leak, shape);
      case NeuronSpec.Adaptive _ ->
          throw new InvalidSpecException(path, layer.typeName() + " has no counterpart in NIR");
      case NeuronSpec.Recurrent _ when this != SNNTORCH && this != LAVA ->
          throw new InvalidSpecException(
              path,
              layer.typeName()
                  + " can be written for snnTorch and Lava only: the other libraries have no"
                  + " recurrent neurons in NIR");
      case NeuronSpec.Spiking spiking when this == LAVA -> cuba(path, spiking, shape);
      case NeuronSpec.Spiking spiking -> spiking(path, spiking, shape);
    };
  }

  private NirNode leak(String path, NeuronSpec.ExpLeak layer, Shape shape) {
    double whole = Math.exp(-1 / uniform(path, "tau_mem", layer.tauMem()));
    double a = Math.min(whole, NO_LEAK);
    Double tauSyn = optional(path, "tau_syn", layer.tauSyn());
    if (tauSyn != null && (this == NORSE || this == SNNTORCH)) {
      return cubaLeak(path, a, Math.exp(-1 / tauSyn), layer.normInput(), shape);
    }
    if (tauSyn == null
        && (float) whole == 1
        && !layer.normInput()
        && this != SINABS
        && this != LAVA) {
      return node(path, "I", Map.of("r", this == SPIKINGJELLY ? 1 / dt : 1), shape);
    }
    if (!leaks() || tauSyn != null || layer.normInput() != (this == NORSE)) {
      throw new InvalidSpecException(
          path,
          "ExpLeak can be written for sinabs with norm_input false, for Norse with norm_input true,"
              + " for Norse and snnTorch with tau_syn, and, without a leak, for all but Lava");
    }
    return node(path, "LI", Map.of("tau", tau(a), "r", 1.0, "v_leak", 0.0), shape);
  }

  /** The inverse of {@link #readCubaLeak}, with a scale of 1. */
  private NirNode cubaLeak(String path, double a, double as, boolean normInput, Shape shape) {
    if (!(as > 0)) {
      throw new InvalidSpecException(
          path + "/tau_syn", "is too small: the current would be lost within its time step");
    }
    var fields = new LinkedHashMap<String, Double>();
    fields.put("tau_syn", dt / (1 - as));
    fields.put("tau_mem", dt / (1 - a));
    fields.put("r", normInput ? 1 : 1 / (1 - a));
    fields.put("v_leak", 0.0);
    fields.put("w_in", as / (1 - as));
    return node(path, "CubaLI", fields, shape);
  }

  /** The inverse of {@link #decay}. */
  private double tau(double a) {
    return this == SINABS ? steps(a) : dt / (1 - a);
  }

  private NirNode spiking(String path, NeuronSpec.Spiking layer, Shape shape) {
    double threshold = uniform(path, "spike_threshold", layer.spikeThreshold());
    double scale = 1;
    var fields = new LinkedHashMap<String, Double>();
    String type;
    Double tauMem = optional(path, "tau_mem", layer.tauMem());
    boolean leaky = tauMem != null || this == SNNTORCH;
    double a = tauMem == null ? NO_LEAK : Math.exp(-1 / tauMem);
    boolean normInput = layer.normInput();
    double tau = tau(a);
    Double tauSyn = optional(path, "tau_syn", layer.tauSyn());
    if (tauSyn != null) {
      if (this != NORSE && this != SNNTORCH) {
        throw new InvalidSpecException(
            path, "tau_syn cannot be written for " + this + ", which reads no CubaLIF");
      }
      type = "CubaLIF";
      double as = Math.exp(-1 / tauSyn);
      boolean normByR = normInput && this == NORSE;
      fields.put("tau_syn", dt / (1 - as));
      fields.put("tau_mem", tau);
      fields.put("r", normByR ? 1 : tau / dt);
      fields.put("v_leak", 0.0);
      fields.put("w_in", as / (1 - as) * (normInput && !normByR ? 1 - a : 1));
    } else if (leaky) {
      type = "LIF";
      scale =
          switch (this) {
            case SINABS -> normInput ? 1 / (1 - a) : 1;
            case NORSE -> normInput ? 1 : 1 - a;
            default -> 1;
          };
      fields.put("tau", tau);
      boolean unit = normInput || this == SINABS || this == NORSE;
      // SpikingJelly compares r with tau / dt, both in float32.
      fields.put("r", unit ? 1 : (double) ((float) tau / (float) dt));
      fields.put("v_leak", 0.0);
    } else {
      type = "IF";
      fields.put("r", this == SPIKINGJELLY ? 1 / dt : 1);
    }
    fields.put("v_threshold", threshold * scale);
    Double reset = layer.resetFn().value();
    if (layer.resetFn().kind() == ResetFn.Kind.RESET && reset != null && reset != 0) {
      fields.put("v_reset", reset * scale);
    }
    return node(path, type, fields, shape);
  }

  /** The inverse of {@link #cuba(NirNode)}; without time constants an IF. */
  private NirNode cuba(String path, NeuronSpec.Spiking layer, Shape shape) {
    if (!layer.spikeFn().equals(SpikeFn.SINGLE)
        || !layer.resetFn().equals(ResetFn.RESET)
        || layer.minVMem() != null) {
      throw new InvalidSpecException(
          path,
          "must spike at most once per step, reset to 0 and have no min_v_mem for Lava: spike_fn"
              + " single, reset_fn reset");
    }
    Double tauMem = optional(path, "tau_mem", layer.tauMem());
    Double tauSyn = optional(path, "tau_syn", layer.tauSyn());
    double a = tauMem == null ? NO_LEAK : Math.exp(-1 / tauMem);
    double as = tauSyn == null ? 0 : Math.exp(-1 / tauSyn);
    if (tauMem != null) {
      near(path + "/tau_mem", 1 - a, 1 - kept(1 - a));
    }
    near(path + "/tau_syn", 1 - as, 1 - kept(1 - as));
    boolean plain = tauMem == null && tauSyn == null && !(layer instanceof NeuronSpec.Recurrent);
    int steps = plain ? IF_STEPS : CUBA_STEPS;
    double gain = (tauSyn == null ? 1 : as) * (layer.normInput() ? 1 - a : 1);
    double least = uniform(path, "spike_threshold", layer.spikeThreshold()) / gain;
    double threshold = Math.rint(least * steps - 1.0 / 64) / steps;
    near(path + "/spike_threshold", least, spikesAt(threshold, steps));
    var fields = new LinkedHashMap<String, Double>();
    if (plain) {
      fields.put("r", 1.0);
    } else {
      fields.put("tau_syn", tau(as));
      fields.put("tau_mem", tau(a));
      fields.put("r", 1 / (1 - a));
      fields.put("v_leak", 0.0);
      fields.put("w_in", 1 / (1 - as));
    }
    fields.put("v_threshold", threshold);
    return node(path, plain ? "IF" : "CubaLIF", fields, shape);
  }

  private static double uniform(String path, String name, Constant constant) {
    Double value = constant.uniform();
    if (value == null) {
      throw new InvalidSpecException(
          path + "/" + name,
          "must be the same for all neurons of the layer to be written for this library");
    }
    return value;
  }

  private static @Nullable Double optional(String path, String name, @Nullable Constant constant) {
    return constant == null ? null : uniform(path, name, constant);
  }

  private static void near(String path, double value, double there) {
    if (!(Math.abs(there - value) <= ROUNDING * value)) {
      throw new InvalidSpecException(
          path,
          "would be off by more than "
              + Math.round(100 * ROUNDING)
              + " % for Lava, which makes "
              + there
              + " of "
              + value);
    }
  }

  /** With the same values for all neurons. */
  private static NirNode node(String path, String type, Map<String, Double> fields, Shape shape) {
    var tensors = new LinkedHashMap<String, Tensor>();
    fields.forEach((name, value) -> tensors.put(name, filled(shape, value.floatValue())));
    return new NirNode(path, type, tensors, Map.of());
  }

  private static Tensor filled(Shape shape, float value) {
    var data = new float[shape.size()];
    Arrays.fill(data, value);
    return new Tensor(shape.dims().stream().mapToInt(d -> d).toArray(), data);
  }
}
