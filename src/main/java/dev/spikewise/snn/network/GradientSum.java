package dev.spikewise.snn.network;

import dev.spikewise.snn.layer.Layer;
import dev.spikewise.snn.layer.Parameter;
import dev.spikewise.snn.world.Ranks;
import java.util.List;
import java.util.stream.IntStream;

/** Brings the gradients of each process's samples to those of the whole batch. */
final class GradientSum {

  private final List<Parameter> parameters;
  private final Ranks ranks;

  GradientSum(List<Layer> layers, Ranks ranks) {
    this.ranks = ranks;
    parameters =
        layers.stream()
            .filter(layer -> !layer.looksAtWholeBatch())
            .flatMap(layer -> layer.parameters().stream())
            .toList();
  }

  /** Ends a backward pass of all processes over a batch. */
  void complete(int samples) {
    // A process without samples has reached no parameter.
    var reached = parameters.stream().mapToDouble(p -> p.reached() ? 1 : 0).toArray();
    ranks.addWhole(List.of(reached));
    var summed =
        IntStream.range(0, reached.length)
            .filter(i -> reached[i] > 0)
            .mapToObj(parameters::get)
            .toList();
    summed.forEach(Parameter::reach);
    ranks.addGradients(
        samples,
        new Ranks.Gradients() {
          @Override
          public int[] lengths() {
            return summed.stream().mapToInt(p -> p.gradient().length).toArray();
          }

          @Override
          public float[] subtree(int i, int k) {
            return summed.get(i).subtree(k);
          }

          @Override
          public float[] total(int i) {
            return summed.get(i).gradient();
          }
        });
  }
}
