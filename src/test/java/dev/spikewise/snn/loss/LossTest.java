package dev.spikewise.snn.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.ModelSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Gradients of the loss terms: against finite differences where the network is smooth. */
class LossTest {

  private static final int SAMPLES = 3;
  private static final int STEPS = 5;
  private static final int[] LABELS = {2, 0, 1};

  private final ScalarKernels kernels = new ScalarKernels(1);

  private CpuExecutor network(String last) {
    var model =
        Tutorial.JSON.readValue(
            """
            {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 6}, {"type": "ExpLeak", "tau_mem": 4},
              {"type": "Linear", "out_features": 3}, %s]}
            """
                .formatted(last),
            ModelSpec.class);
    var network = new CpuExecutor(model, SAMPLES, STEPS, false, kernels);
    network.draw(5);
    var random = new SplittableRandom(1);
    for (int i = 0; i < network.input().length; i++) {
      network.input()[i] = (float) random.nextDouble(-1, 4);
    }
    return network;
  }

  private static Loss loss(CpuExecutor network, String term) {
    var terms = List.of(Tutorial.JSON.readValue(term, LossTerm.class));
    return new Loss(terms, network, SAMPLES, null, Map.of());
  }

  private static double value(CpuExecutor network, Loss loss) {
    network.reset();
    network.forward(SAMPLES);
    return loss.compute(SAMPLES, LABELS);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"type\": \"cross_entropy\", \"weight\": 0.7}",
        "{\"type\": \"cross_entropy\", \"label_smoothing\": 0.2}",
        "{\"type\": \"weight_norm\", \"weight\": 0.3}",
        "{\"type\": \"weight_norm\", \"p\": 1, \"layers\": [\"2\"]}",
        "{\"type\": \"mse_count\", \"correct_rate\": 0.8, \"incorrect_rate\": 0.1, \"weight\": 2}",
        "{\"type\": \"max_membrane_cross_entropy\", \"weight\": 1.5}"
      })
  void gradientsAreWhatAStepChanges(String term) {
    CpuExecutor network = network("{\"type\": \"ExpLeak\", \"tau_mem\": 3, \"norm_input\": true}");
    Loss loss = loss(network, term);
    value(network, loss);
    network.backward(SAMPLES, loss.outputGradient(), loss.peakGradient());
    loss.addWeightGradients();
    for (Parameter p : network.parameters()) {
      float[] gradient = p.gradient().clone();
      for (int i = 0; i < gradient.length; i++) {
        float before = p.values()[i];
        p.values()[i] = before + 2e-3f;
        double up = value(network, loss);
        p.values()[i] = before - 2e-3f;
        double down = value(network, loss);
        p.values()[i] = before;
        assertThat((double) gradient[i])
            .as("%s[%d]", p.name(), i)
            .isCloseTo((up - down) / 4e-3, within(5e-3 * (1 + Math.abs(gradient[i]))));
      }
    }
  }

  @Test
  void l1IsTheSumOfTheSpikesOfASample() {
    CpuExecutor network = network("{\"type\": \"IAF\"}");
    Loss loss = loss(network, "{\"type\": \"l1\", \"weight\": 0.5}");
    double value = value(network, loss);
    double spikes = 0;
    for (float count : loss.scores()) {
      spikes += count;
    }
    assertThat(spikes).isGreaterThan(0);
    assertThat(value).isCloseTo(0.5 * spikes / SAMPLES, within(1e-9));

    network.backward(SAMPLES, loss.outputGradient(), null);
    var fromLoss = network.parameters().stream().map(p -> p.gradient().clone()).toList();
    network.reset();
    network.forward(SAMPLES);
    var each = new float[SAMPLES * network.outputs()];
    Arrays.fill(each, 0.5f / SAMPLES);
    network.backward(SAMPLES, each, null);
    for (int p = 0; p < fromLoss.size(); p++) {
      assertThat(network.parameters().get(p).gradient())
          .containsExactly(fromLoss.get(p), within(1e-6f));
    }
  }

  @Test
  void predictsByLargestPotential() {
    CpuExecutor network = network("{\"type\": \"ExpLeak\", \"tau_mem\": 3}");
    Loss loss = loss(network, "{\"type\": \"max_membrane_cross_entropy\"}");
    value(network, loss);
    var peaks = new float[SAMPLES * network.outputs()];
    network.maxOutput(SAMPLES, peaks);
    var sums = new float[peaks.length];
    network.sumOutput(SAMPLES, sums);
    assertThat(loss.scores()).isEqualTo(peaks).isNotEqualTo(sums);
  }
}
