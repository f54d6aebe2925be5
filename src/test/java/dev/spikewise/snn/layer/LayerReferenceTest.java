package dev.spikewise.snn.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.Reference;
import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.kernel.vector.VectorKernels;
import dev.spikewise.snn.loss.Loss;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.layer.DropoutSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Small networks that PyTorch and sinabs computed, in training and in use, with all gradients. */
class LayerReferenceTest {

  private static final float SYNOPS_GRADIENT = 1e-4f;

  @ParameterizedTest
  @CsvSource({
    "ad_lif,false",
    "ad_lif,true",
    "batch_norm,false",
    "batch_norm,true",
    "conv1d,false",
    "conv1d,true",
    "group_norm,false",
    "group_norm,true",
    "input_difference,false",
    "input_difference,true",
    "neuromorphic_relu,false",
    "neuromorphic_relu,true",
    "spiking_max_pool,false",
    "spiking_max_pool,true",
    "flatten,false",
    "flatten,true",
    "flatten_rows,false",
    "flatten_rows,true",
    "neuron_constants,false",
    "neuron_constants,true",
    "norms,false",
    "norms,true",
    "one_dimension,false",
    "one_dimension,true",
    "pools,false",
    "pools,true",
    "sum_pool_ceil,false",
    "sum_pool_ceil,true",
    "transposed,false",
    "transposed,true"
  })
  void layersComputeWhatPyTorchAndSinabsDo(String name, boolean vector) {
    try (Kernels kernels = vector ? new VectorKernels(2) : new ScalarKernels(1)) {
      assertAgrees(read(name), kernels);
    }
  }

  @Test
  void adLifDrawsTheAuthorsWeightsFromTheSeed() {
    var reference = read("ad_lif_seed4");
    var model =
        Tutorial.JSON.readValue(
            """
            {"input_shape": [7], "layers": [
              {"type": "Linear", "out_features": 5, "bias": false}, {"type": "AdLIF"},
              {"type": "Linear", "out_features": 3}, {"type": "AdLIF"}]}
            """,
            ModelSpec.class);
    try (var kernels = new ScalarKernels(1)) {
      var network = new CpuExecutor(model, 1, 1, false, kernels);
      network.draw(4);
      var drawn = network.stateDict().tensors();
      assertThat(drawn).containsOnlyKeys(reference.keySet());
      drawn.forEach(
          (name, tensor) ->
              assertThat(tensor.data()).as(name).isEqualTo(reference.get(name).floats()));
    }
  }

  private static void assertAgrees(Map<String, Npz.Array> reference, Kernels kernels) {
    Npz.Array input = reference.get("input");
    int batch = input.shape()[0];
    int steps = input.shape()[1];
    var network = new CpuExecutor(model(reference), batch, steps, false, kernels);
    network.load(state(reference, "before."));
    var loss = reference.containsKey("difference") ? loss(network, batch) : null;
    show(input.floats(), network, batch * steps);

    network.train(true);
    network.reset();
    network.forward(batch);
    assertOutput(network, batch, reference.get("output"));
    double synops =
        network.counts().synapses().stream().mapToDouble(Synaptic::synops).sum() / batch;
    if (reference.containsKey("synops")) {
      double expected = reference.get("synops").value(0);
      assertThat(synops).isCloseTo(expected, within(1e-5 * expected));
      network.counts().synapses().forEach(s -> s.addToLoss(SYNOPS_GRADIENT / batch));
    }
    for (int i = 0;
        i < network.counts().rectifiers().size() && reference.containsKey("activity");
        i++) {
      double expected = reference.get("activity").value(i);
      assertThat(network.counts().rectifiers().get(i).activity() / batch)
          .isCloseTo(expected, within(1e-5 * expected));
    }
    if (loss != null) {
      double expected = reference.get("difference").value(0);
      assertThat(loss.compute(batch, new int[0])).isCloseTo(expected, within(1e-5 * expected));
    }
    network.backward(batch, reference.get("grad_output").floats(), null);
    for (Parameter p : network.parameters()) {
      String name = "grad." + p.name();
      Reference.assertClose(
          p.toTorch(p.gradient()).data(), reference.get(name).floats(), 1e-5, name);
    }
    StateDict expected = state(reference, "after.");
    network
        .stateDict()
        .tensors()
        .forEach(
            (name, tensor) ->
                Reference.assertClose(
                    tensor.data(), expected.tensors().get(name).data(), 1e-6, name));

    network.train(false);
    network.reset();
    network.forward(batch);
    assertOutput(network, batch, reference.get("output_eval"));
  }

  private static Loss loss(CpuExecutor network, int batch) {
    var terms = List.<LossTerm>of(new LossTerm.InputDifference(1.0, null));
    return new Loss(terms, network, batch, null, Map.of());
  }

  @Test
  void mergedNetworkComputesTheSame() {
    var reference = read("batch_norm");
    ModelSpec spec = model(reference);
    var layers = new ArrayList<>(spec.layers());
    // A convolution with a bias of its own, and dropout in place of a norm that has no Conv2d.
    layers.set(0, new SynapticSpec.Conv2d(2, 4, new Size2(3, 3), null, Size2.ONE, null, 1, true));
    layers.set(4, new DropoutSpec.Dropout(0.5));
    var tensors = new LinkedHashMap<>(state(reference, "after.").tensors());
    tensors.keySet().removeIf(name -> name.startsWith("4."));
    tensors.put("0.bias", new Tensor(new int[] {4}, new float[] {0.3f, -0.2f, 1, 0}));
    var whole =
        new TrainedModel(
            ModelSpec.sequence(null, spec.inputShape(), layers), new StateDict(tensors));
    var merged = whole.merged();
    assertThat(merged.spec().layers()).hasSize(6);
    assertThat(merged.weights().tensors())
        .containsOnlyKeys("0.weight", "0.bias", "3.weight", "3.bias", "5.weight", "5.bias");
    Reference.assertClose(use(merged, reference), use(whole, reference), 1e-5, "output");
  }

  private static float[] use(TrainedModel model, Map<String, Npz.Array> reference) {
    Npz.Array input = reference.get("input");
    int batch = input.shape()[0];
    int steps = input.shape()[1];
    try (var kernels = new ScalarKernels(1)) {
      var network = new CpuExecutor(model.spec(), batch, steps, false, kernels);
      network.load(model.weights());
      show(input.floats(), network, batch * steps);
      network.forward(batch);
      var output = new float[batch * network.outputs()];
      network.sumOutput(batch, output);
      return output;
    }
  }

  private static void assertOutput(CpuExecutor network, int batch, Npz.Array expected) {
    var output = new float[batch * network.outputs()];
    network.sumOutput(batch, output);
    Reference.assertClose(output, expected.floats(), 1e-5, "output");
  }

  private static void show(float[] x, CpuExecutor network, int frames) {
    int[] order = network.inputOrder();
    for (int f = 0; f < frames; f++) {
      for (int i = 0; i < order.length; i++) {
        network.input()[f * order.length + i] = x[f * order.length + order[i]];
      }
    }
  }

  private static StateDict state(Map<String, Npz.Array> reference, String prefix) {
    var tensors = new LinkedHashMap<String, Tensor>();
    reference.forEach(
        (name, array) -> {
          if (name.startsWith(prefix)) {
            tensors.put(name.substring(prefix.length()), new Tensor(array.shape(), array.floats()));
          }
        });
    return new StateDict(tensors);
  }

  private static Map<String, Npz.Array> read(String name) {
    return Reference.read(Path.of("src/test/resources/layers", name + ".npz"));
  }

  private static ModelSpec model(Map<String, Npz.Array> reference) {
    return Tutorial.JSON.readValue(reference.get("model").bytes().array(), ModelSpec.class);
  }
}
