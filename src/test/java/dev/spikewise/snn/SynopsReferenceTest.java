package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.snn.statistics.Counter;
import dev.spikewise.snn.synops.FanOut;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Synops, fan-out and rates of networks with stride, padding, dilation, groups, bias and average
 * pools.
 */
class SynopsReferenceTest {

  static Stream<JsonNode> cases() {
    return StreamSupport.stream(Reference.manifest().get("synops").spliterator(), false);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void scalarKernelsCountWhatSinabsDoes(JsonNode settings) {
    try (var engine = Engine.scalar(1)) {
      assertAgrees(settings, engine);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void vectorKernelsCountWhatSinabsDoes(JsonNode settings) {
    try (var engine = Engine.create(2)) {
      assertAgrees(settings, engine);
    }
  }

  private static void assertAgrees(JsonNode settings, Engine engine) {
    var reference = Reference.read("synops/" + settings.get("name").asString() + ".npz");
    int samples = settings.get("batch_size").asInt();
    int steps = settings.get("time_steps").asInt();
    ModelSpec model = model(settings.get("conv").toString());
    var network = new CpuExecutor(model, samples, steps, false, engine.kernelsInUse());
    network.load(Reference.stateDict(reference, "weight", "bias"));
    network.reset();
    input(network, reference.get("input").floats(), samples, steps);
    network.forward(samples);
    var counter = new Counter(network, settings.get("dt_ms").asDouble() / 1000);
    counter.add(samples);
    Statistics statistics = counter.statistics();

    var sums = new float[samples * network.outputs()];
    network.sumOutput(samples, sums);
    assertThat(sums).isEqualTo(sumOverTime(reference.get("output").floats(), samples, steps));
    for (String layer : List.of("0", "3", "6")) {
      var counted = statistics.parameter().get(layer);
      assertValue(reference, "synops." + layer, counted.synops());
      assertValue(reference, "synops_per_timestep." + layer, counted.synopsPerTimestep());
      assertValue(reference, "synops_per_second." + layer, counted.synopsPerSecond());
    }
    // sinabs' total forgets the average pool: there the second convolution's synops are a quarter.
    double forgotten = 0.75 * statistics.parameter().get("3").synopsPerTimestep();
    assertThat(reference.get("total_synops_per_timestep").value(0))
        .isCloseTo(
            statistics.synopsPerTimestep(),
            within(forgotten + 1e-5 * statistics.synopsPerTimestep()));
    for (String layer : List.of("1", "4", "7")) {
      assertValue(reference, "firing_rate." + layer, statistics.spiking().get(layer).firingRate());
    }
    assertValue(reference, "firing_rate", statistics.firingRate());
    assertFanOut(reference, model, 0, 1);
    assertFanOut(reference, model, 3, 4);
  }

  private static void assertValue(Map<String, Npz.Array> reference, String name, double actual) {
    double expected = reference.get(name).value(0);
    assertThat(actual).as(name).isCloseTo(expected, within(1e-5 * Math.abs(expected)));
  }

  /**
   * sinabs keeps one number for every channel; an average pool's spikes are counted again by their
   * number.
   */
  private static void assertFanOut(
      Map<String, Npz.Array> reference, ModelSpec model, int layer, int spikesPerUnit) {
    var conv = (SynapticSpec.Conv2d) model.layers().get(layer);
    Shape in = model.graph().layer(layer).inputShape();
    int[] fanOut =
        FanOut.byPixel(
            new ConvShape(
                in.dim(1),
                in.dim(2),
                in.dim(0),
                conv.outChannels(),
                conv.kernelSize().h(),
                conv.kernelSize().w(),
                conv.stride().h(),
                conv.stride().w(),
                conv.padding().h(),
                conv.padding().w(),
                conv.dilation().h(),
                conv.dilation().w(),
                conv.groups()));
    float[] map = reference.get("connection_map." + layer).floats();
    for (int i = 0; i < map.length; i++) {
      assertThat(map[i])
          .as("connection %d of layer %d", i, layer)
          .isIn(
              (float) fanOut[i % fanOut.length], (float) fanOut[i % fanOut.length] * spikesPerUnit);
    }
  }

  private static ModelSpec model(String options) {
    String conv =
        "{\"type\": \"Conv2d\", \"out_channels\": 8, \"kernel_size\": 3, " + options.substring(1);
    return Tutorial.JSON.readValue(
        """
        {"input_shape": [4, 15, 15], "layers": [%s, {"type": "IAF"}, {"type": "AvgPool2d", "kernel_size": 2},
          {"type": "Conv2d", "out_channels": 6, "kernel_size": 2, "bias": false}, {"type": "IAF"}, {"type": "Flatten"},
          {"type": "Linear", "out_features": 5, "bias": false}, {"type": "IAF"}]}
        """
            .formatted(conv),
        ModelSpec.class);
  }

  /** From [B, T, C, H, W]. */
  private static void input(CpuExecutor network, float[] values, int samples, int steps) {
    int[] order = network.inputOrder();
    for (int frame = 0; frame < samples * steps; frame++) {
      for (int i = 0; i < order.length; i++) {
        network.input()[frame * order.length + i] = values[frame * order.length + order[i]];
      }
    }
  }

  private static float[] sumOverTime(float[] values, int samples, int steps) {
    int n = values.length / samples / steps;
    var sums = new float[samples * n];
    for (int i = 0; i < values.length; i++) {
      sums[i / (steps * n) * n + i % n] += values[i];
    }
    return sums;
  }

  @Test
  void diagonalThroughKernelOfTwoCausesThirtySynops() {
    assertThat(
            synops(
                "[1, 3, 3]",
                "{\"type\": \"Conv2d\", \"out_channels\": 5, \"kernel_size\": 2}",
                1,
                new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1}))
        .isEqualTo(30);
  }

  @Test
  void threeAndFiveSpikesIntoFiveNeuronsAreTwentySynopsASample() {
    assertThat(
            synops(
                "[3]",
                "{\"type\": \"Linear\", \"out_features\": 5}",
                2,
                new float[] {1, 1, 1, 2, 0, 3}))
        .isEqualTo(20);
  }

  private static double synops(String shape, String layer, int samples, float[] input) {
    var model =
        Tutorial.JSON.readValue(
            "{\"input_shape\": " + shape + ", \"layers\": [" + layer + "]}", ModelSpec.class);
    try (var engine = Engine.create(1)) {
      var network = new CpuExecutor(model, samples, 1, false, engine.kernelsInUse());
      network.draw(1);
      network.reset();
      System.arraycopy(input, 0, network.input(), 0, input.length);
      network.forward(samples);
      var counter = new Counter(network, null);
      counter.add(samples);
      return counter.synops();
    }
  }
}
