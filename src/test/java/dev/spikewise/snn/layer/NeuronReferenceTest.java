package dev.spikewise.snn.layer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.Reference;
import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.kernel.vector.VectorKernels;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Every layer of neurons that sinabs computed: output, state, and all gradients. */
class NeuronReferenceTest {

  private static final int SAMPLES = 3;
  private static final int NEURONS = 7;

  static Stream<JsonNode> cases() {
    return StreamSupport.stream(Reference.manifest().get("neurons").spliterator(), false);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void scalarKernelsComputeWhatSinabsDoes(JsonNode settings) {
    try (var kernels = new ScalarKernels(1)) {
      assertAgrees(settings, kernels);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void vectorKernelsComputeWhatSinabsDoes(JsonNode settings) {
    try (var kernels = new VectorKernels(2)) {
      assertAgrees(settings, kernels);
    }
  }

  private static void assertAgrees(JsonNode settings, Kernels kernels) {
    var reference = Reference.read("neurons/" + settings.get("name").asString() + ".npz");
    int calls = settings.has("calls") ? settings.get("calls").asInt() : 1;
    int allSteps = reference.get("input").shape()[1];
    int steps = allSteps / calls;
    var frame = new Signal.Frame(1, 1, NEURONS);
    var in = new Signal(frame, steps, SAMPLES);
    var out = new Signal(frame, steps, SAMPLES);
    var gOut = new Signal(frame, steps, SAMPLES);
    var gIn = new Signal(frame, steps, SAMPLES);
    var layer =
        new Neurons(
            "0",
            spec(settings),
            Shape.of(NEURONS),
            null,
            in,
            out,
            new Extent(SAMPLES, SAMPLES, SAMPLES, steps),
            kernels);
    layer.reset();
    load(layer, reference);
    layer.parameters().forEach(Parameter::zeroGradient);

    var output = new float[SAMPLES * allSteps * NEURONS];
    for (int call = 0; call < calls; call++) {
      copy(reference.get("input").floats(), in.data, call, calls, false);
      copy(reference.get("grad_output").floats(), gOut.data, call, calls, false);
      layer.forward(0, SAMPLES);
      layer.backward(0, SAMPLES, gOut, gIn);
      copy(output, out.data, call, calls, true);
    }

    Reference.assertClose(
        output, reference.get("output").floats(), layer.spikes() ? 0 : 1e-5, "output");
    Reference.assertClose(layer.potentials(), reference.get("v_mem").floats(), 1e-5, "v_mem");
    // sinabs lets gradients flow from one call to the one before, which is not wanted here: only
    // the last call is equal.
    copy(reference.get("grad_input").floats(), gOut.data, calls - 1, calls, false);
    Reference.assertClose(gIn.data, gOut.data, 1e-5, "grad_input");
    assertParameterGradients(layer, reference);
  }

  /** Time constants are compared together: the smallest is the difference of large sums. */
  private static void assertParameterGradients(Neurons layer, Map<String, Npz.Array> reference) {
    var names = new ArrayList<String>();
    var constants = new ArrayList<Float>();
    var expected = new ArrayList<Float>();
    for (Parameter p : layer.parameters()) {
      String name = "grad." + p.name().substring(2);
      names.add(name);
      float[] gradient = p.toTorch(p.gradient()).data();
      if (gradient.length == 1) {
        constants.add(gradient[0]);
        expected.add(reference.get(name).floats()[0]);
      } else {
        Reference.assertClose(gradient, reference.get(name).floats(), 1e-5, name);
      }
    }
    Reference.assertClose(floats(constants), floats(expected), 1e-5, "time constants");
    assertThat(reference.keySet().stream().filter(key -> key.startsWith("grad.")))
        .containsExactlyInAnyOrderElementsOf(names);
  }

  private static float[] floats(List<Float> values) {
    var floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i);
    }
    return floats;
  }

  private static void load(Neurons layer, Map<String, Npz.Array> reference) {
    for (Parameter p : layer.parameters()) {
      p.load(reference.get("param." + p.name().substring(2)).floats());
    }
  }

  /** Between [B, T of all calls, N] and [B, T of one call, N]. */
  private static void copy(float[] all, float[] one, int call, int calls, boolean toAll) {
    int n = one.length / SAMPLES;
    for (int b = 0; b < SAMPLES; b++) {
      int at = (b * calls + call) * n;
      System.arraycopy(
          toAll ? one : all, toAll ? b * n : at, toAll ? all : one, toAll ? at : b * n, n);
    }
  }

  private static NeuronSpec spec(JsonNode settings) {
    ObjectNode json = Tutorial.JSON.createObjectNode();
    settings
        .properties()
        .forEach(
            option -> {
              String value = option.getValue().asString("");
              switch (option.getKey()) {
                case "name", "calls", "note", "defaults" -> {}
                // sinabs left the option out, and ALIF's and ExpLeak's own default is what it
                // computed with.
                case "norm_input" -> {
                  if (settings.get("type").asString().matches("LIF.*")) {
                    json.set("norm_input", option.getValue());
                  }
                }
                case "tau_mem" -> {
                  if (!option.getValue().isNull()) {
                    json.set("tau_mem", option.getValue());
                  }
                }
                case "spike_fn" -> {
                  if (value.startsWith("max")) {
                    json.putObject("spike_fn").put("max", Integer.parseInt(value.substring(3)));
                  } else {
                    json.put("spike_fn", value);
                  }
                }
                case "reset_fn" -> {
                  var kind = value.replaceAll("[-.0-9]", "");
                  if (kind.equals(value)) {
                    json.put("reset_fn", kind);
                  } else {
                    json.putObject("reset_fn")
                        .put(kind, Double.parseDouble(value.substring(kind.length())));
                    json.put("sinabs_compat", true);
                  }
                }
                case "surrogate" -> surrogate(value, json.putObject("surrogate_grad_fn"));
                case "rec_connect" ->
                    json.putObject("rec_connect")
                        .put("type", "Linear")
                        .put("out_features", 7)
                        .put("bias", false);
                default -> json.set(option.getKey(), option.getValue());
              }
            });
    return (NeuronSpec) Tutorial.JSON.treeToValue(json, LayerSpec.class);
  }

  private static void surrogate(String name, ObjectNode json) {
    List<String> parts = List.of(name.split("_(?=[ws][0-9])"));
    json.put("type", parts.getFirst());
    for (String part : parts.subList(1, parts.size())) {
      boolean window = name.startsWith("heaviside");
      json.put(
          part.startsWith("s") ? "grad_scale" : window ? "window" : "grad_width",
          Double.parseDouble(part.substring(1)));
    }
  }
}
