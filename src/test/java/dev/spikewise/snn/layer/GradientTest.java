package dev.spikewise.snn.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import dev.spikewise.snn.Reference;
import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.kernel.vector.VectorKernels;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.layer.LayerSpec;
import java.io.File;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * The gradients of every layer whose output is smooth are what a step changes: those of its own
 * parameters, and, by way of the layer below, that of its input. Layers that spike are held to
 * tensors of sinabs.
 */
class GradientTest {

  private static final int SAMPLES = 2;
  private static final int STEPS = 3;
  private static final float STEP = 1e-3f;

  private static final String JOINS =
      "[2, 5, 6] Conv2d | {'type': 'ExpLeak', 'name': 'e', 'tau_mem': 3}, {'type': 'Conv2d',"
          + " 'name': 'c', 'inputs': ['0'], 'out_channels': 4, 'kernel_size': 3, 'padding': 1},"
          + " {'type': 'Add', 'inputs': ['e', 'c', '0']}, {'type': 'Concat', 'inputs': ['3', '0',"
          + " 'e']}";

  /**
   * Model's input and first layer, and the layers under test. Where an output has kinks (ReLU, a
   * lower bound), no step may cross one.
   */
  static final String[] smooth = {
    "[2, 5, 6] Conv2d | {'type': 'Conv2d', 'name': 'a', 'out_channels': 4, 'kernel_size': 1},"
        + " {'type': 'Add', 'inputs': ['a', '0']}",
    JOINS,
    "[2, 5, 6] Conv2d | {'type': 'Flatten', 'name': 'f'}, {'type': 'Linear', 'name': 'l',"
        + " 'out_features': 80}, {'type': 'Add', 'inputs': ['f', 'l']}, {'type': 'Concat',"
        + " 'inputs': ['3', 'f', 'l']}",
    "[2, 5, 6] Conv2d | {'type': 'Conv2d', 'out_channels': 4, 'kernel_size': [3, 2], 'stride': [1,"
        + " 2], 'padding': [0, 1], 'groups': 2}",
    "[2, 5, 6] Conv2d | {'type': 'Conv2d', 'out_channels': 3, 'kernel_size': 2, 'dilation': 2,"
        + " 'bias': false}",
    "[3, 9] Conv1d | {'type': 'Conv1d', 'out_channels': 4, 'kernel_size': 3, 'stride': 2, 'groups':"
        + " 2}",
    "[2, 5, 6] Conv2d | {'type': 'Flatten'}, {'type': 'Linear', 'out_features': 5}",
    "[2, 5, 6] Conv2d | {'type': 'SumPool2d', 'kernel_size': 2}",
    "[2, 5, 6] Conv2d | {'type': 'AvgPool2d', 'kernel_size': [2, 3], 'stride': [2, 1], 'padding':"
        + " 1}",
    "[2, 5, 6] Conv2d | {'type': 'BatchNorm2d'}",
    "[2, 5, 6] Conv2d | {'type': 'Dropout', 'p': 0.4}",
    "[2, 5, 6] Conv2d | {'type': 'Dropout2d', 'p': 0.4}",
    "[2, 5, 6] Conv2d | {'type': 'ReLU'}",
    "[2, 5, 6] Conv2d | {'type': 'NeuromorphicReLU', 'quantize': false}",
    "[2, 5, 6] Conv2d | {'type': 'FlattenTime'}, {'type': 'UnflattenTime'}",
    "[2, 5, 6] Conv2d | {'type': 'MaxPool2d', 'kernel_size': [2, 1], 'stride': 3}",
    "[2, 5, 6] Conv2d | {'type': 'AdaptiveAvgPool2d', 'output_size': [2, 1]}",
    "[2, 5, 6] Conv2d | {'type': 'AvgPool2d', 'kernel_size': 3, 'stride': 2, 'padding': 1,"
        + " 'ceil_mode': true, 'count_include_pad': false}",
    "[3, 9] Conv1d | {'type': 'AvgPool1d', 'kernel_size': 2}, {'type': 'MaxPool1d', 'kernel_size':"
        + " 2}",
    "[3, 9] Conv1d | {'type': 'BatchNorm1d'}",
    "[2, 5, 6] Conv2d | {'type': 'LayerNorm', 'normalized_shape': [4, 5]}",
    "[2, 5, 6] Conv2d | {'type': 'Upsample', 'scale_factor': 2}, {'type': 'Identity'}",
    "[2, 5, 6] Conv2d | {'type': 'Flatten', 'start_dim': 2}",
    "[2, 5, 6] Conv2d | {'type': 'ConvTranspose2d', 'out_channels': 4, 'kernel_size': [3, 2],"
        + " 'stride': [1, 2], 'padding': [0, 1], 'output_padding': [0, 1], 'groups': 2}",
    "[2, 5, 6] Conv2d | {'type': 'ExpLeak', 'tau_mem': [2, 3, 4, 5], 'tau_syn': 2}",
    "[2, 5, 6] Conv2d | {'type': 'ExpLeak', 'tau_mem': 3}",
    "[2, 5, 6] Conv2d | {'type': 'ExpLeak', 'tau_mem': 3, 'tau_syn': 2, 'norm_input': true}",
    "[2, 5, 6] Conv2d | {'type': 'ExpLeak', 'tau_mem': 3, 'tau_syn': 2, 'train_alphas': true,"
        + " 'min_v_mem': -0.25}",
  };

  @ParameterizedTest
  @FieldSource("smooth")
  void gradientsAreWhatAStepChanges(String layers) {
    try (var scalar = new ScalarKernels(1);
        var vector = new VectorKernels(2)) {
      assertGradients(network(layers, scalar));
      assertGradients(network(layers, vector));
    }
  }

  @Test
  void gradientsOfStepsAddUpWhereTheInputIsConstant() {
    try (var kernels = new VectorKernels(2)) {
      assertGradients(network(JOINS, true, kernels));
    }
  }

  private static CpuExecutor network(String layers, Kernels kernels) {
    return network(layers, false, kernels);
  }

  private static CpuExecutor network(String layers, boolean constantInput, Kernels kernels) {
    String[] parts = layers.replace('\'', '"').split(" \\| ");
    String[] below = parts[0].split(" (?=C)");
    var model =
        Tutorial.JSON.readValue(
            """
            {"input_shape": %s, "layers": [{"type": "%s", "out_channels": 4, "kernel_size": 2}, %s,
              {"type": "Flatten"}, {"type": "Linear", "out_features": 3}]}
            """
                .formatted(below[0], below[1], parts[1]),
            ModelSpec.class);
    var network = new CpuExecutor(model, SAMPLES, STEPS, constantInput, kernels);
    network.draw(4);
    network.train(true);
    var random = new SplittableRandom(2);
    for (int i = 0; i < network.input().length; i++) {
      network.input()[i] = (float) random.nextDouble(-1, 2);
    }
    Arrays.setAll(network.sampleSeeds(), i -> i + 10);
    return network;
  }

  private static void assertGradients(CpuExecutor network) {
    var random = new SplittableRandom(3);
    var g = new float[SAMPLES * network.outputs()];
    for (int i = 0; i < g.length; i++) {
      g[i] = (float) random.nextDouble(-1, 1);
    }
    value(network, g);
    network.backward(SAMPLES, g, null);
    for (Parameter p : network.parameters()) {
      float[] gradient = p.gradient().clone();
      float largest = 0;
      for (float value : gradient) {
        largest = Math.max(largest, Math.abs(value));
      }
      assertThat(largest).as(p.name()).isGreaterThan(0);
      for (int i = 0; i < gradient.length; i++) {
        float before = p.values()[i];
        p.values()[i] = before + STEP;
        double up = value(network, g);
        p.values()[i] = before - STEP;
        double down = value(network, g);
        p.values()[i] = before;
        assertThat((double) gradient[i])
            .as("%s[%d]", p.name(), i)
            .isCloseTo((up - down) / (2 * STEP), within(5e-3 * Math.max(1, largest)));
      }
    }
  }

  /** Sum of output x g. */
  private static double value(CpuExecutor network, float[] g) {
    network.reset();
    network.forward(SAMPLES);
    var output = new float[g.length];
    network.sumOutput(SAMPLES, output);
    double sum = 0;
    for (int i = 0; i < g.length; i++) {
      sum += (double) output[i] * g[i];
    }
    return sum;
  }

  @Test
  void timeConstantsFarBelowAStepTrainLikeADecayOfZero() {
    try (var kernels = new VectorKernels(1)) {
      for (String neurons :
          new String[] {"'LIF'", "'ALIF', 'tau_adapt': 0.001", "'ExpLeak', 'norm_input': true"}) {
        var network =
            network(
                "[2, 5, 6] Conv2d | {'type': %s, 'tau_mem': 0.001, 'tau_syn': 0.001}"
                    .formatted(neurons),
                kernels);
        var g = new float[SAMPLES * network.outputs()];
        Arrays.fill(g, 1);
        value(network, g);
        network.backward(SAMPLES, g, null);
        for (Parameter p : network.parameters()) {
          assertThat(p.reached()).isTrue();
          for (float gradient : p.gradient()) {
            assertThat(gradient).as(p.name()).isFinite();
            assertThat(gradient == 0 || !p.name().contains("tau")).as(p.name()).isTrue();
          }
        }
      }
    }
  }

  @Test
  void noLayerIsLeftOut() {
    var tested = new HashSet<String>();
    Reference.manifest()
        .get("neurons")
        .forEach(neuron -> tested.add(neuron.get("type").asString()));
    for (File file : Objects.requireNonNull(new File("src/test/resources/layers").listFiles())) {
      var model = Reference.read(file.toPath()).get("model");
      // A golden of weights that are drawn has no gradients.
      if (model != null) {
        Tutorial.JSON
            .readValue(model.bytes().array(), ModelSpec.class)
            .layers()
            .forEach(layer -> tested.add(layer.typeName()));
      }
    }
    String here = String.join(" ", smooth);
    for (var layer : LayerSpec.class.getAnnotation(JsonSubTypes.class).value()) {
      String name = layer.value().getSimpleName();
      assertThat(tested.contains(name) || here.contains("'" + name + "'"))
          .as("the gradients of %s are tested", name)
          .isTrue();
    }
  }
}
