package dev.spikewise.chip;

import dev.spikewise.chip.Deployability.Destination;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A core that is being filled. */
final class CoreDraft {

  private static final int MAX_BIAS = 1024;

  /** Place of the weights in the order of computing. */
  final int weights;

  final Shape input;

  /** The weights; a Linear is a convolution whose kernel is its whole input. */
  final SynapticSpec.Conv2d conv;

  final Shape output;
  final List<String> pools = new ArrayList<>();
  final List<Destination> destinations = new ArrayList<>();
  boolean bias;
  int pooling = 1;

  /** Place of the neurons in the order of computing. */
  @Nullable Integer neurons;

  CoreDraft(int weights, Shape input, SynapticSpec.Conv2d conv, Shape output) {
    this.weights = weights;
    this.input = input;
    this.conv = conv;
    this.output = output;
    bias = conv.bias();
  }

  long kernelMemory() {
    int area = conv.kernelSize().h() * conv.kernelSize().w();
    return (long) input.dim(0) << log2(area) + log2(output.dim(0));
  }

  long neuronMemory() {
    return (long) output.dim(0) << log2(output.dim(1)) + log2(output.dim(2));
  }

  long biasMemory() {
    return bias ? output.dim(0) : 0;
  }

  List<Integer> possibleCores(Chip chip) {
    var possible = new ArrayList<Integer>();
    for (int core = 0; core < chip.cores().size(); core++) {
      if (chip.cores().get(core).holds(kernelMemory(), neuronMemory())
          && biasMemory() <= MAX_BIAS) {
        possible.add(core);
      }
    }
    return possible;
  }

  /** Rounded up. */
  private static int log2(int value) {
    return Integer.SIZE - Integer.numberOfLeadingZeros(value - 1);
  }
}
