package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.spec.TrainingSpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is known of a job's memory before it starts, beside what it then keeps on the heap. */
class MemoryTest {

  private static final String CONVOLUTIONS =
      """
      {"batch_size": 64, "time_steps": 10, "model": {"input_shape": [1, 28, 28], "layers": [
        {"type": "Conv2d", "out_channels": 16, "kernel_size": 5}, {"type": "IAF"}, {"type": "SumPool2d", "kernel_size": 2},
        {"type": "Conv2d", "out_channels": 32, "kernel_size": 5}, {"type": "IAF"}, {"type": "SumPool2d", "kernel_size": 2},
        {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]}}\
      """;

  @ParameterizedTest
  @ValueSource(
      strings = {
        CONVOLUTIONS,
        """
        {"batch_size": 16, "time_steps": 8, "model": {"input_shape": [2, 16, 16], "layers": [
          {"type": "Conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1}, {"type": "LIF", "tau_mem": 10},
          {"type": "Conv2d", "out_channels": 32, "kernel_size": 3, "padding": 1, "stride": 2}, {"type": "IAF"},
          {"type": "AvgPool2d", "kernel_size": 2},
          {"type": "Flatten"}, {"type": "Linear", "out_features": 10}, {"type": "IAF"}]}}\
        """,
        """
        {"batch_size": 64, "time_steps": 20, "model": {"input_shape": [256], "layers": [
          {"type": "Linear", "out_features": 512}, {"type": "IAF"},
          {"type": "Linear", "out_features": 512}, {"type": "IAF"},
          {"type": "Linear", "out_features": 10}, {"type": "IAF"}]}}\
        """,
        """
        {"batch_size": 64, "time_steps": 40, "model": {"input_shape": [256], "layers": [
          {"type": "Linear", "out_features": 512}, {"type": "LIFRecurrent", "tau_mem": 20, "tau_syn": 5, "spike_threshold": 0.2},
          {"type": "Linear", "out_features": 512}, {"type": "ALIF", "tau_mem": 20, "tau_adapt": 20, "spike_threshold": 0.2},
          {"type": "Linear", "out_features": 10}, {"type": "IAF"}]}}\
        """
      })
  void memoryEstimateMatchesUse(String job) {
    assertEstimate(spec(job));
  }

  /** Spikes are computed again from the potentials: only these grow with T, beside the input. */
  @Test
  void eachTimeStepAddsOnePotentialPerNeuron() {
    String job =
        """
        {"batch_size": 64, "time_steps": %d, "model": {"input_shape": [16], "layers": [
          {"type": "Linear", "out_features": 512}, {"type": "LIF", "tau_mem": 20, "norm_input": false},
          {"type": "Linear", "out_features": 512}, {"type": "LIFRecurrent", "tau_mem": 20, "norm_input": false},
          {"type": "Linear", "out_features": 8}, {"type": "LIF", "tau_mem": 20, "norm_input": false}]}}\
        """;
    long added = estimate(spec(job.formatted(300))) - estimate(spec(job.formatted(200)));
    double potentials = 100.0 * 64 * (512 + 512 + 8) * Float.BYTES;
    assertThat(added / potentials).isBetween(0.8, 1.2);
  }

  private static long estimate(TrainingSpec spec) {
    return Trainer.estimateMemory(spec, spec.model().definition());
  }

  @Test
  void checkpointedActivationsTakeTheMemoryOfABlock() {
    long kept = assertEstimate(spec(CONVOLUTIONS));
    long again =
        assertEstimate(spec("{\"activation_checkpointing\": true," + CONVOLUTIONS.substring(1)));
    assertThat(again).isLessThan(kept / 2);
  }

  private static TrainingSpec spec(String job) {
    return Tutorial.JSON.readValue(
        job.replaceFirst(
            "\\{",
            "{\"input\": {\"type\": \"constant\", \"value\": 1}, \"epochs\": 3, \"seed\": 1,"
                + " \"loss\": [{\"type\": \"synops\", \"target\": {\"baseline_multiple\": 2}}],"),
        TrainingSpec.class);
  }

  /** Returns the bytes that were used. */
  private static long assertEstimate(TrainingSpec spec) {
    long used = used(spec);
    assertThat(estimate(spec)).isBetween((long) (0.8 * used), (long) (1.25 * used));
    return used;
  }

  private static long used(TrainingSpec spec) {
    long before = live();
    try (var engine = Engine.create(1)) {
      var trainer = new Trainer(spec, spec.model().definition(), null, null, engine);
      var used = new long[1];
      trainer.run(
          metrics -> {
            if (metrics.epoch() == spec.epochs() - 1) {
              used[0] = live() - before;
            }
          });
      return used[0];
    }
  }

  /** Bytes on the heap after a collection. */
  static long live() {
    for (int i = 0; i < 3; i++) {
      System.gc();
    }
    var runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }
}
