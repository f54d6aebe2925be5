package dev.spikewise.snn;

import dev.spikewise.snn.layer.Signal.Frame;
import dev.spikewise.snn.layer.Synapses;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.layer.RectifierSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.List;

/**
 * Estimates the arithmetic of a forward pass: one operation per synapse, sample and time step, plus
 * a constant per value. This is an upper bound, because silent inputs cost less.
 */
public final class Effort {

  /** Number of operations per value of a layer in addition to those of its synapses. */
  private static final double PER_VALUE = 10;

  private static final int CHANNELS = 8;
  private static final int SIZE = 16;
  private static final int SAMPLES = 4;
  private static final int TIME_STEPS = 10;

  /** Number of passes, enough for the JIT compiler to have compiled the code. */
  private static final int PASSES = 60;

  private Effort() {}

  /** Number of operations of one forward pass over {@code samples} samples. */
  public static double of(ModelSpec model, long samples, long timeSteps) {
    double perStep = 0;
    for (Graph.Vertex layer : model.graph().order()) {
      long out = layer.shape().size();
      perStep += PER_VALUE * out;
      for (Shape weights : layer.spec().parameters(layer.inputShape()).values()) {
        if (weights.dims().size() > 1) {
          // Weights are [out channels, ...]: all of a channel's are used at each of its positions.
          perStep += (double) weights.size() / weights.dim(0) * out;
        }
      }
    }
    return perStep * samples * timeSteps;
  }

  /** Number of synapses that one input value away from the borders reaches. */
  public static long fanOut(SynapticSpec layer, Shape input, Shape output) {
    return Synapses.wiring(layer, Frame.of(input), Frame.of(output)).mostFanOut();
  }

  /**
   * Measures the operations per second of one thread of this machine, as the maximum over several
   * passes.
   */
  public static double measurePerSecond() {
    var model =
        ModelSpec.sequence(
            null,
            List.of(2, SIZE, SIZE),
            List.of(conv(), new RectifierSpec.ReLU(), conv(), new RectifierSpec.ReLU()));
    double operations = of(model, SAMPLES, TIME_STEPS);
    long fastest = Long.MAX_VALUE;
    try (var engine = Engine.create(1)) {
      for (int i = 0; i < PASSES; i++) {
        long begin = System.nanoTime();
        var _ =
            Analyzer.analyze(
                model,
                null,
                new Analyzer.Batch(new InputSpec.Poisson(0.5), null, SAMPLES, TIME_STEPS, null, 1),
                engine);
        fastest = Math.min(fastest, System.nanoTime() - begin);
      }
    }
    return operations / Math.max(fastest, 1) * 1e9;
  }

  private static SynapticSpec.Conv2d conv() {
    return new SynapticSpec.Conv2d(
        null, CHANNELS, new Size2(3, 3), Size2.ONE, Size2.ONE, Size2.ONE, 1, true);
  }
}
