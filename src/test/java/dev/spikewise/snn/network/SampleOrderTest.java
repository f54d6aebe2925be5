package dev.spikewise.snn.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.kernel.TreeSum;
import dev.spikewise.snn.kernel.vector.VectorKernels;
import dev.spikewise.spec.ModelSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The order in which a batch's samples are summed. */
class SampleOrderTest {

  private static final int STEPS = 3;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 5, 15, 16, 17, 37, 100, 128})
  void chunksCoverTheBatchAndBlocksHoldWholeChunks(int samples) {
    var chunks = new SampleChunks(samples);
    assertThat(chunks.count()).isEqualTo(Math.min(16, samples));
    for (int sample = 0; sample < samples; sample++) {
      int chunk = chunks.of(sample);
      assertThat(sample).isBetween(chunks.start(chunk), chunks.start(chunk + 1) - 1);
      assertThat(chunks.isLast(sample)).isEqualTo(sample + 1 == chunks.start(chunk + 1));
    }
    assertThat(chunks.start(chunks.count())).isEqualTo(samples);
    for (int most : new int[] {1, 4, 9, 200}) {
      int from = 0;
      while (from < samples) {
        int to = chunks.endOfBlock(from, most);
        assertThat(to - from).isBetween(1, most);
        assertThat(to == chunks.end(to - 1) || chunks.of(from) == chunks.of(to)).isTrue();
        from = to;
      }
    }
  }

  /** ((0 + 1) + (2 + 3)) + 4 in numbers whose sum depends on the order. */
  @Test
  void chunksAreAddedInABinaryTree() {
    var sum = new TreeSum(1);
    double[] leaves = {0.1, 0.2, 0.3, 1e16, -1e16};
    for (double leaf : leaves) {
      sum.add(leaf);
      sum.endChunk();
    }
    assertThat(sum.value()).isEqualTo(((0.1 + 0.2) + (0.3 + 1e16)) - 1e16);
  }

  /** What a process that owns some of the chunks must compute, whatever the block and threads. */
  @ParameterizedTest
  @ValueSource(ints = {3, 6, 16})
  void gradientOfABatchIsTheTreeOfTheGradientsOfItsSamples(int samples) {
    var model =
        Tutorial.JSON.readValue(
            """
            {"input_shape": [2, 9, 9], "layers": [
              {"type": "Conv2d", "out_channels": 20, "kernel_size": 3},
              {"type": "LIF", "tau_mem": 5, "norm_input": false, "train_alphas": true, "spike_threshold": 0.2},
              {"type": "Flatten"}, {"type": "Linear", "out_features": 33, "bias": false},
              {"type": "LIFRecurrent", "tau_mem": 5, "norm_input": false, "spike_threshold": 0.1},
              {"type": "Linear", "out_features": 7}, {"type": "IAF", "spike_threshold": 0.2}]}
            """,
            ModelSpec.class);
    var random = new Random(3);
    int inputs = STEPS * 2 * 9 * 9;
    var x = new float[samples * inputs];
    var g = new float[samples * 7];
    for (int i = 0; i < x.length; i++) {
      x[i] = random.nextInt(4) == 0 ? 1 : 0;
    }
    for (int i = 0; i < g.length; i++) {
      g[i] = (float) random.nextGaussian();
    }
    List<float[]> all;
    try (var kernels = new VectorKernels(2)) {
      all = gradients(model, samples, x, g, kernels);
    }
    try (var kernels = new VectorKernels(1)) {
      var leaves =
          IntStream.range(0, samples)
              .mapToObj(
                  b ->
                      gradients(
                          model,
                          1,
                          Arrays.copyOfRange(x, b * inputs, (b + 1) * inputs),
                          Arrays.copyOfRange(g, b * 7, (b + 1) * 7),
                          kernels))
              .toList();
      for (int p = 0; p < all.size(); p++) {
        int parameter = p;
        assertThat(tree(leaves.stream().map(leaf -> leaf.get(parameter)).toList()))
            .containsExactly(all.get(p));
        assertThat(all.get(p)).isNotEqualTo(new float[all.get(p).length]);
      }
    }
  }

  private static List<float[]> gradients(
      ModelSpec model, int samples, float[] x, float[] g, VectorKernels kernels) {
    var network = new CpuExecutor(model, samples, STEPS, false, kernels);
    network.draw(1);
    network.train(true);
    System.arraycopy(x, 0, network.input(), 0, x.length);
    network.reset();
    network.forward(samples);
    network.backward(samples, g, null);
    return network.parameters().stream().map(p -> p.gradient().clone()).toList();
  }

  /** The left subtree is the largest one that is complete. */
  private static float[] tree(List<float[]> leaves) {
    if (leaves.size() == 1) {
      return leaves.getFirst();
    }
    int left = Integer.highestOneBit(leaves.size() - 1);
    float[] a = tree(leaves.subList(0, left));
    float[] b = tree(leaves.subList(left, leaves.size()));
    var sum = new float[a.length];
    for (int i = 0; i < sum.length; i++) {
      sum[i] = a[i] + b[i];
    }
    return sum;
  }
}
