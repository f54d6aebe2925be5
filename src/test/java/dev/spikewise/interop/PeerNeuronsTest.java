package dev.spikewise.interop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.Reference;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.kernel.vector.VectorKernels;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Neurons of SpikingJelly and snnTorch, read from what they print, beside what these libraries
 * computed ({@code src/test/python/peer_neurons.py}): spikes, and the gradients of the weights.
 */
class PeerNeuronsTest {

  private static final Path FOLDER = Path.of("src/test/resources/neurons");

  static List<String> cases() throws IOException {
    try (var files = Files.list(FOLDER)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void computesSpikesAndGradientsOfTheLibrary(String name) {
    var reference = Reference.read(FOLDER.resolve(name));
    try (var scalar = new ScalarKernels(1);
        var vector = new VectorKernels(1)) {
      assertAgrees(reference, scalar);
      assertAgrees(reference, vector);
    }
  }

  private static void assertAgrees(Map<String, Npz.Array> reference, Kernels kernels) {
    var printed =
        StandardCharsets.UTF_8.decode(reference.get("printed").bytes().duplicate()).toString();
    Npz.Array input = reference.get("input");
    int batch = input.shape()[0];
    var model = PrintedModel.parse(printed, List.of(input.shape()[2])).model();
    var network = new CpuExecutor(model, batch, input.shape()[1], false, kernels);
    var weights = new LinkedHashMap<String, Tensor>(network.stateDict().tensors());
    reference.forEach(
        (key, array) -> {
          if (key.startsWith("before.")) {
            weights.put(key.substring(7), new Tensor(array.shape(), array.floats()));
          }
        });
    network.load(new StateDict(weights));
    float[] values = input.floats();
    System.arraycopy(values, 0, network.input(), 0, values.length);
    network.train(true);
    network.reset();
    network.forward(batch);
    var output = new float[batch * network.outputs()];
    network.sumOutput(batch, output);
    assertThat(output).isEqualTo(reference.get("output").floats());

    network.backward(batch, reference.get("grad_output").floats(), null);
    for (Parameter p : network.parameters()) {
      float[] gradient = p.toTorch(p.gradient()).data();
      if (p.name().contains(".tau_")) {
        assertThat(gradient).as("a constant of these libraries").containsOnly(0);
      } else {
        Reference.assertClose(gradient, reference.get("grad." + p.name()).floats(), 1e-5, p.name());
      }
    }
  }
}
