package dev.spikewise.interop;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Converts neurons of snnTorch and SpikingJelly from the parameters of their constructors. Options
 * that these libraries do not print must be added to the brackets by hand.
 */
final class PrintedNeurons {

  private static final String LEAKY = "Leaky";
  private static final String SYNAPTIC = "Synaptic";
  private static final String LIF_NODE = "LIFNode";
  private static final String IF_NODE = "IFNode";

  private static final String PARAMETRIC = "ParametricLIFNode";

  static final Set<String> TYPES = Set.of(LEAKY, SYNAPTIC, LIF_NODE, IF_NODE, PARAMETRIC);

  /** Example value of each option for messages. */
  private static final Map<String, String> EXAMPLES =
      Map.of(
          "alpha", "0.8",
          "beta", "0.9",
          "threshold", "1.0",
          "reset_mechanism", "subtract",
          "reset_delay", "True",
          "v_threshold", "1.0",
          "v_reset", "0.0",
          "tau", "2.0",
          "decay_input", "True");

  /** Options of SpikingJelly that change neither spikes nor gradients. */
  private static final Set<String> WITHOUT_EFFECT = Set.of("step_mode", "backend", "store_v_seq");

  /** Options that need not be given, with the libraries' own defaults. */
  private static final Set<String> OPTIONAL = Set.of("detach_reset");

  private PrintedNeurons() {}

  /**
   * Returns the layer that computes the same spikes and gradients, with constants that are not
   * trained.
   *
   * @param printed printed options
   * @param surrogate SpikingJelly's surrogate function with its options; null when not printed
   * @throws IllegalArgumentException when an option is missing or has no counterpart here
   */
  static ObjectNode layer(
      String type, Map<String, JsonNode> printed, @Nullable ObjectNode surrogate) {
    ObjectNode json =
        switch (type) {
          case LEAKY -> leaky(printed);
          case SYNAPTIC -> synaptic(printed);
          case PARAMETRIC -> throw parametric(printed);
          case LIF_NODE -> lif(printed);
          default -> integrate(printed);
        };
    json.put("spike_fn", "single");
    if (surrogate != null) {
      json.set("surrogate_grad_fn", surrogate);
    }
    return json;
  }

  private static ObjectNode leaky(Map<String, JsonNode> printed) {
    require(
        LEAKY, "snnTorch", printed, List.of("beta", "threshold", "reset_mechanism", "reset_delay"));
    return snnTorch(printed, 1);
  }

  /**
   * snnTorch's current is added to the potential before it decays, that of neurons here after it:
   * potentials here are {@code alpha} times those there.
   */
  private static ObjectNode synaptic(Map<String, JsonNode> printed) {
    require(
        SYNAPTIC,
        "snnTorch",
        printed,
        List.of("alpha", "beta", "threshold", "reset_mechanism", "reset_delay"));
    double alpha = number(printed, "alpha");
    if (!(alpha >= 0 && alpha < 1)) {
      throw new IllegalArgumentException("alpha must be at least 0 and below 1 but was " + alpha);
    }
    if (mechanism(printed).equals("zero") && flag(printed, "reset_delay")) {
      throw new IllegalArgumentException(
          "with reset_mechanism=zero and reset_delay=True snnTorch's Synaptic drops the current of"
              + " the time step after a spike, which no neuron here does; use reset_delay=False, or"
              + " reset_mechanism=subtract");
    }
    if (alpha == 0) {
      return snnTorch(printed, 1);
    }
    if (number(printed, "beta") == 1) {
      throw new IllegalArgumentException(
          "with beta=1.0 alpha would be trained here, and is a constant in snnTorch; use a beta"
              + " below 1");
    }
    return snnTorch(printed, alpha).put("tau_syn", -1 / Math.log(alpha));
  }

  /** SpikingJelly's PLIF trains another number than neurons here. */
  private static IllegalArgumentException parametric(Map<String, JsonNode> printed) {
    JsonNode tau = printed.get("tau");
    return new IllegalArgumentException(
        "trains w, where 1 / tau = sigmoid(w), and neurons here train tau_mem, so that training"
            + " would take other steps; use LIFNode, whose tau is not trained, or replace it by the"
            + " layer LIF with tau_mem "
            + (tau != null && tau.isNumber() && tau.asDouble() > 1
                ? String.valueOf(-1 / Math.log(1 - 1 / tau.asDouble()))
                : "-1 / ln(1 - 1 / tau)"));
  }

  private static String mechanism(Map<String, JsonNode> printed) {
    return value(printed, "reset_mechanism").asString("").replaceAll("['\"]", "");
  }

  /**
   * A layer for snnTorch's neurons.
   *
   * @param scale of potentials here, where those there are 1
   */
  private static ObjectNode snnTorch(Map<String, JsonNode> printed, double scale) {
    double beta = number(printed, "beta");
    double threshold = scale * number(printed, "threshold");
    boolean delay = flag(printed, "reset_delay");
    String reset = mechanism(printed);
    if (!delay && reset.equals("subtract")) {
      throw new IllegalArgumentException(
          "with reset_delay=False snnTorch subtracts the threshold once more where the potential is"
              + " still above it one time step after a spike, which no neuron here does; use"
              + " reset_delay=True, or reset_mechanism=zero");
    }
    ObjectNode json = decaying(beta, "beta", false);
    json.put("spike_threshold", threshold);
    json.putObject("surrogate_grad_fn").put("type", "atan").put("alpha", 2 / scale);
    // A delayed reset is applied after the decay and is detached; an immediate one is applied
    // before the decay and is not detached.
    json.put("detach_reset", delay);
    switch (reset) {
      case "subtract" -> json.putObject("reset_fn").put("subtract", threshold / beta);
      case "zero" -> json.put("reset_fn", "reset");
      case "none" -> json.putObject("reset_fn").put("subtract", 0);
      default ->
          throw new IllegalArgumentException(
              "reset_mechanism must be subtract, zero or none but was " + reset);
    }
    return json;
  }

  private static ObjectNode lif(Map<String, JsonNode> printed) {
    require(
        LIF_NODE, "SpikingJelly", printed, List.of("tau", "v_threshold", "v_reset", "decay_input"));
    double tau = number(printed, "tau");
    if (!(tau > 1)) {
      throw new IllegalArgumentException("tau must be above 1 but was " + tau);
    }
    ObjectNode json = decaying(1 - 1 / tau, "tau", flag(printed, "decay_input"));
    JsonNode reset = value(printed, "v_reset");
    if (!reset.isNull() && reset.asDouble(Double.NaN) != 0) {
      throw new IllegalArgumentException(
          "v_reset must be 0.0 or None but was "
              + reset
              + "; LIFNode leaks towards v_reset, neurons here leak towards 0");
    }
    return withThreshold(json, printed);
  }

  private static ObjectNode integrate(Map<String, JsonNode> printed) {
    require(IF_NODE, "SpikingJelly", printed, List.of("v_threshold", "v_reset"));
    return withThreshold(SpecJson.object().put("type", "IAF"), printed);
  }

  private static ObjectNode withThreshold(ObjectNode json, Map<String, JsonNode> printed) {
    json.put("spike_threshold", number(printed, "v_threshold"));
    json.put("detach_reset", printed.containsKey("detach_reset") && flag(printed, "detach_reset"));
    JsonNode reset = value(printed, "v_reset");
    if (reset.isNull()) {
      return json.put("reset_fn", "subtract");
    }
    json.putObject("reset_fn").put("reset", number(printed, "v_reset"));
    return json;
  }

  /** Neurons whose potential is multiplied by {@code decay} in each time step. */
  private static ObjectNode decaying(double decay, String option, boolean normInput) {
    ObjectNode json = SpecJson.object();
    if (decay == 1) {
      return json.put("type", "IAF");
    }
    if (!(decay > 0 && decay < 1)) {
      throw new IllegalArgumentException(
          option + " must be above 0 and at most 1 but was " + decay);
    }
    return json.put("type", "LIF")
        .put("tau_mem", -1 / Math.log(decay))
        .put("train_constants", false)
        .put("norm_input", normInput);
  }

  private static void require(
      String type, String library, Map<String, JsonNode> printed, List<String> names) {
    for (String name : printed.keySet()) {
      if (!names.contains(name) && !OPTIONAL.contains(name) && !WITHOUT_EFFECT.contains(name)) {
        throw new IllegalArgumentException("does not have the option " + name + ": remove it");
      }
    }
    var missing = new ArrayList<>(names);
    missing.removeAll(printed.keySet());
    if (!missing.isEmpty()) {
      var example = new ArrayList<String>();
      for (String name : names) {
        JsonNode value = printed.get(name);
        example.add(
            name
                + "="
                + (value == null
                    ? EXAMPLES.get(name)
                    : value.isNull() ? "None" : value.asString("")));
      }
      throw new IllegalArgumentException(
          library
              + " does not print "
              + String.join(", ", missing)
              + "; write it into the brackets: "
              + type
              + "("
              + String.join(", ", example)
              + ")");
    }
  }

  private static JsonNode value(Map<String, JsonNode> printed, String name) {
    return Objects.requireNonNull(printed.get(name), name);
  }

  private static double number(Map<String, JsonNode> printed, String name) {
    JsonNode value = printed.get(name);
    if (value == null || !value.isNumber()) {
      throw new IllegalArgumentException(name + " must be a number but was " + value);
    }
    return value.asDouble();
  }

  private static boolean flag(Map<String, JsonNode> printed, String name) {
    JsonNode value = printed.get(name);
    if (value == null || !value.isBoolean()) {
      throw new IllegalArgumentException(name + " must be True or False but was " + value);
    }
    return value.asBoolean();
  }
}
