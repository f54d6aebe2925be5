package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.layer.Synaptic;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.TrainingSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random networks with branches that sinabs trained with Merge and torch.cat ({@code
 * src/test/python/graphs.py}): outputs, gradients, and three epochs.
 */
class GraphReferenceTest {

  private static final float SYNOPS_GRADIENT = 1e-4f;

  @ParameterizedTest
  @CsvSource({
    "0,false", "1,false", "2,false", "3,false", "4,false", "5,false", "6,false", "7,false",
    "8,false", "9,false", "0,true", "1,true", "2,true", "3,true", "4,true", "5,true", "6,true",
    "7,true", "8,true", "9,true"
  })
  void graphsComputeAndTrainAsInSinabs(int graph, boolean vector) {
    var reference = Reference.read(Path.of("src/test/resources/graphs", "graph" + graph + ".npz"));
    try (var engine = vector ? Engine.create(2) : Engine.scalar(1)) {
      assertGradients(reference, engine);
      assertEpochs(reference, engine);
    }
  }

  private static void assertGradients(Map<String, Npz.Array> reference, Engine engine) {
    float[] input = reference.get("input").floats();
    int batch = reference.get("input").shape()[0];
    int steps = reference.get("input").shape()[1];
    var network = new CpuExecutor(model(reference), batch, steps, false, engine.kernelsInUse());
    network.load(state(reference, "before."));
    int[] order = network.inputOrder();
    for (int i = 0; i < input.length; i++) {
      int frame = i / order.length;
      network.input()[i] = input[frame * order.length + order[i % order.length]];
    }
    network.train(true);
    network.reset();
    network.forward(batch);
    var output = new float[batch * network.outputs()];
    network.sumOutput(batch, output);
    assertThat(output).isEqualTo(reference.get("output").floats());
    double synops =
        network.counts().synapses().stream().mapToDouble(Synaptic::synops).sum() / batch;
    assertThat(synops).isEqualTo(reference.get("synops_before").value(0));

    network.counts().synapses().forEach(synapses -> synapses.addToLoss(SYNOPS_GRADIENT / batch));
    network.backward(batch, reference.get("grad_output").floats(), null);
    // The gradient of a time constant is the difference of large sums: all are compared together.
    var constants = new ArrayList<Float>();
    var expected = new ArrayList<Float>();
    for (Parameter p : network.parameters()) {
      String name = "grad." + p.name();
      float[] gradient = p.toTorch(p.gradient()).data();
      if (p.name().endsWith(".tau_mem")) {
        constants.add(gradient[0]);
        expected.add(reference.get(name).floats()[0]);
      } else {
        Reference.assertClose(gradient, reference.get(name).floats(), 1e-5, name);
      }
    }
    Reference.assertClose(floats(constants), floats(expected), 1e-5, "time constants");
  }

  private static float[] floats(List<Float> values) {
    var floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i);
    }
    return floats;
  }

  private static void assertEpochs(Map<String, Npz.Array> reference, Engine engine) {
    ModelSpec model = model(reference);
    Npz.Array input = reference.get("input");
    int epochs = reference.get("loss").shape()[0];
    var dataset =
        new Dataset(
            "spikes",
            Shape.of(2, 8, 8),
            input.shape()[1],
            input.floats(),
            reference.get("labels").ints(),
            input.shape()[0]);
    var spec =
        Tutorial.JSON.readValue(
            """
            {"model": %s, "epochs": %d, "batch_size": %d, "time_steps": %d,
             "input": {"type": "dataset", "id": "spikes", "encoding": "spikes", "test_fraction": 0},
             "optimizer": {"type": "adam", "learning_rate": 0.01},
             "loss": [{"type": "cross_entropy"}, {"type": "synops", "target": {"value": %s}}]}
            """
                .formatted(
                    Tutorial.JSON.writeValueAsString(model),
                    epochs,
                    input.shape()[0],
                    input.shape()[1],
                    reference.get("target").value(0)),
            TrainingSpec.class);
    var trainer = new Trainer(spec, model, state(reference, "before."), dataset, engine);
    var trained = new ArrayList<EpochMetrics>();
    trainer.run(trained::add);
    assertThat(trained).hasSize(epochs);
    for (int e = 0; e < epochs; e++) {
      assertValue(reference, "loss", e, trained.get(e).loss());
      assertValue(reference, "synops", e, trained.get(e).synops());
      assertValue(reference, "firing_rate", e, trained.get(e).firingRate());
      for (var layer : trained.get(e).parameter().entrySet()) {
        assertValue(reference, "layer_synops." + layer.getKey(), e, layer.getValue().synops());
      }
      for (var layer : trained.get(e).spiking().entrySet()) {
        assertValue(
            reference, "layer_firing_rate." + layer.getKey(), e, layer.getValue().firingRate());
      }
    }
    var expected = state(reference, "after.").tensors();
    trainer
        .weights()
        .tensors()
        .forEach(
            (name, tensor) ->
                Reference.assertClose(tensor.data(), expected.get(name).data(), 1e-4, name));
  }

  private static void assertValue(
      Map<String, Npz.Array> reference, String name, int epoch, double actual) {
    double expected = reference.get(name).value(epoch);
    assertThat(actual)
        .as("%s of epoch %d", name, epoch)
        .isCloseTo(expected, within(1e-5 * Math.abs(expected)));
  }

  private static ModelSpec model(Map<String, Npz.Array> reference) {
    return Tutorial.JSON.readValue(reference.get("model").bytes().array(), ModelSpec.class);
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
}
