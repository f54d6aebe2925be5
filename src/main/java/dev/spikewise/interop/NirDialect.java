package dev.spikewise.interop;

import dev.spikewise.snn.Tensor;
import dev.spikewise.spec.InvalidSpecException;
import dev.spikewise.spec.LayerSpec;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * NIR as one library understands it: a file is read as that library's importer reads it, and
 * written so that its importer computes what the layers here compute. NIR is in continuous time;
 * with {@code a} the membrane's decay in a time step {@code dt} and {@code g} the factor that an
 * input current comes in with:
 *
 * <table><caption>Leaky neurons</caption>
 * <tr><td>sinabs</td><td>a = exp(-1 / tau), tau in steps</td><td>g = 1</td></tr>
 * <tr><td>Norse</td><td>a = 1 - dt / tau</td><td>g = 1 - a</td></tr>
 * <tr><td>snnTorch, SpikingJelly</td><td>a = 1 - dt / tau</td><td>g = r (1 - a)</td></tr>
 * </table>
 *
 * <p>All but sinabs spike at most once a step and reset to v_reset.
 */
public enum NirDialect {
  SINABS(1),
  NORSE(1e-3),
  SNNTORCH(1e-4),
  SPIKINGJELLY(1e-4);

  /**
   * Decay of a membrane that does not leak, as near to 1 as it may be where a time constant must be
   * finite.
   */
  private static final double NO_LEAK = 1 - 1e-9;

  /** NIR says nothing of gradients. */
  private static final SurrogateSpec SURROGATE = new SurrogateSpec.SingleExponential(0.5, 1.0);

  private final double dt;

  NirDialect(double dt) {
    this.dt = dt;
  }

  /**
   * Whether the importer knows no SumPool2d: then an AvgPool2d stands for it, and the next weights
   * make up for it.
   */
  boolean averages() {
    return this == SNNTORCH || this == SPIKINGJELLY;
  }

  /** Index of the first dimension to flatten, as the importer counts: with or without the batch. */
  int flattenStart() {
    return this == NORSE || this == SNNTORCH ? 1 : 0;
  }

  LayerSpec.Spiking read(NirNode node) {
    return switch (node.type()) {
      case "IF" -> {
        require(node, "r", this == SPIKINGJELLY ? 1 / dt : 1);
        yield iaf(node, node.uniform("v_threshold"));
      }
      case "LIF" -> {
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
              case SNNTORCH, SPIKINGJELLY -> r == 1;
            };
        if (this == SINABS || this == NORSE) {
          require(node, "r", 1);
        }
        yield lif(node, a, null, normInput, this == SNNTORCH && !normInput ? r * (1 - a) : 1);
      }
      case "CubaLIF" -> {
        if (this != NORSE && this != SNNTORCH) {
          throw node.invalid(null, "CubaLIF is not known to " + this + "; give another dialect");
        }
        require(node, "v_leak", 0);
        double a = decay(node, "tau_mem");
        double as = decay(node, "tau_syn");
        double gain = node.uniform("r") * (1 - a);
        boolean normInput = Math.abs(gain - 1) > 1e-3;
        double scale =
            node.uniform("w_in", 1) * (1 - as) / as * (normInput ? node.uniform("r") : 1);
        yield lif(node, a, -1 / Math.log(as), normInput, scale);
      }
      default ->
          throw node.invalid(null, "a node of type " + node.type() + " has no counterpart here");
    };
  }

  /** Neurons that do not spike: what they put out is their potential. */
  LayerSpec.ExpLeak readLeak(NirNode node) {
    if (!leaks()) {
      throw node.invalid(null, "LI is not known to " + this + "; give another dialect");
    }
    require(node, "v_leak", 0);
    require(node, "r", 1);
    return new LayerSpec.ExpLeak(
        -1 / Math.log(decay(node, "tau")), null, false, this == NORSE, null);
  }

  private boolean leaks() {
    return this == SINABS || this == NORSE;
  }

  private LayerSpec.IAF iaf(NirNode node, double threshold) {
    return this == SINABS
        ? new LayerSpec.IAF(
            threshold, SpikeFn.MULTI, ResetFn.SUBTRACT, SURROGATE, null, -threshold, false)
        : new LayerSpec.IAF(
            threshold, SpikeFn.SINGLE, reset(node, 1), SURROGATE, null, null, false);
  }

  private LayerSpec.LIF lif(
      NirNode node, double a, @Nullable Double tauSyn, boolean normInput, double scale) {
    boolean sinabs = this == SINABS;
    return new LayerSpec.LIF(
        -1 / Math.log(a),
        tauSyn,
        false,
        normInput,
        node.uniform("v_threshold") / scale,
        sinabs ? SpikeFn.MULTI : SpikeFn.SINGLE,
        sinabs ? ResetFn.SUBTRACT : reset(node, scale),
        SURROGATE,
        null,
        false);
  }

  private static ResetFn reset(NirNode node, double scale) {
    return new ResetFn(ResetFn.Kind.RESET, node.uniform("v_reset", 0) / scale);
  }

  /** What a membrane or synapse keeps from one step to the next. */
  private double decay(NirNode node, String field) {
    double tau = node.uniform(field);
    double a = this == SINABS ? Math.exp(-1 / tau) : 1 - dt / tau;
    if (!(tau > dt / 4 && a > 0)) {
      throw node.invalid(
          field,
          "is "
              + tau
              + ", less than a time step of "
              + dt
              + (this == SINABS ? "; is it in seconds? give the dialect" : ""));
    }
    return a;
  }

  private void require(NirNode node, String field, double value) {
    double found = node.uniform(field);
    if (Math.abs(found - value) > 1e-3 * Math.abs(value)) {
      throw node.invalid(field, "must be " + value + " in the dialect " + this + ", was " + found);
    }
  }

  /** The node that {@code this} library's importer makes the layer of. */
  NirNode write(String path, LayerSpec.Neuron layer, Shape shape) {
    return switch (layer) {
      case LayerSpec.ExpLeak leak -> leak(path, leak, shape);
      case LayerSpec.ALIF _ ->
          throw new InvalidSpecException(path, layer.typeName() + " has no counterpart in NIR");
      case LayerSpec.Recurrent _ when this != SNNTORCH ->
          throw new InvalidSpecException(
              path,
              layer.typeName()
                  + " can be written for snnTorch alone, the only one to know a way back");
      case LayerSpec.Spiking spiking -> spiking(path, spiking, shape);
    };
  }

  private NirNode leak(String path, LayerSpec.ExpLeak layer, Shape shape) {
    if (!leaks() || layer.tauSyn() != null || layer.normInput() != (this == NORSE)) {
      throw new InvalidSpecException(
          path,
          "ExpLeak can be written for sinabs with norm_input false, for Norse with norm_input true, and"
              + " without tau_syn");
    }
    double tau = tau(Math.exp(-1 / layer.tauMem()));
    return node(path, "LI", Map.of("tau", tau, "r", 1.0, "v_leak", 0.0), shape);
  }

  /** The inverse of {@link #decay}. */
  private double tau(double a) {
    return this == SINABS ? -1 / Math.log(a) : dt / (1 - a);
  }

  private NirNode spiking(String path, LayerSpec.Spiking layer, Shape shape) {
    double threshold = layer.spikeThreshold();
    double scale = 1;
    var fields = new LinkedHashMap<String, Double>();
    String type;
    Double tauMem = layer.tauMem();
    boolean leaky = tauMem != null || this == SNNTORCH;
    double a = tauMem == null ? NO_LEAK : Math.exp(-1 / tauMem);
    boolean normInput = layer.normInput();
    double tau = tau(a);
    Double tauSyn = layer.tauSyn();
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
            case SNNTORCH, SPIKINGJELLY -> 1;
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
