package dev.spikewise.chip;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.spikewise.spec.ModelSpec;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Whether a network fits a chip.
 *
 * @param target the chip
 * @param deployable whether no rule fails, neither for a layer nor for all together
 * @param layers what becomes of each layer of the definition
 * @param coreLayers what the cores would hold, in the order of the network
 * @param failures what is wrong with the network as a whole
 */
public record Deployability(
    Chip target,
    boolean deployable,
    List<Layer> layers,
    List<CoreLayer> coreLayers,
    List<Failure> failures) {

  /** What a layer of the definition is on the chip. */
  public enum Role {
    /** The weights of a core. */
    WEIGHTS,
    /** The neurons of a core. */
    NEURONS,
    /** The pooling of a core's output, or of the camera's. */
    POOLING,
    /** Part of the weights before it. */
    MERGED,
    /** Nothing: it has no effect once training is over. */
    NONE,
    /** Nothing, because the chip has no such layer. */
    IMPOSSIBLE;

    @JsonValue
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The rules of the chip. */
  public enum Rule {
    /** The network's input is at most 128 x 128. */
    INPUT_SIZE,
    /** A map of neurons is at most 64 x 64. */
    MAP_SIZE,
    /** A layer takes and gives at most 1024 channels. */
    CHANNELS,
    /** A kernel is square and at most 16 x 16; that of a Linear is the map it looks at. */
    KERNEL_SIZE,
    /** A stride is 1, 2, 4 or 8. */
    STRIDE,
    /** A padding is 0 to 7. */
    PADDING,
    /** Kernels are dense. */
    DILATION,
    /** Every input channel reaches every output channel. */
    GROUPS,
    /** Neurons are IAF without synaptic time constants. */
    NEURON,
    /** A spike takes the threshold off the membrane potential, or sets it to 0. */
    RESET,
    /** Spikes are summed over squares of 1, 2 or 4 that do not overlap. */
    POOLING,
    /** A core is a Conv2d or Linear, then its neurons, then pools. */
    ORDER,
    /** The chip has no such layer. */
    LAYER_TYPE,
    /** Some core has room for both the kernels and the neurons of a layer. */
    MEMORY,
    /** All layers find a core of their own. */
    CORES;

    @JsonValue
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A rule that does not hold.
   *
   * @param rule which one
   * @param detail what was found, and what would be right
   */
  public record Failure(Rule rule, String detail) {}

  /**
   * A layer of the definition.
   *
   * @param name its index
   * @param type as PyTorch and sinabs spell it
   * @param role what it is on the chip
   * @param coreLayer index in {@code core_layers}; null where it belongs to none
   * @param failures the rules that it breaks
   * @param notes what is different on the chip, without being wrong
   */
  public record Layer(
      String name,
      String type,
      Role role,
      @Nullable Integer coreLayer,
      List<Failure> failures,
      List<String> notes) {}

  /**
   * What a core holds: weights, neurons, pooling; sinabs' DynapcnnLayer.
   *
   * @param weights name of the Conv2d or Linear
   * @param neurons name of its neurons; null where there are none
   * @param pools names of the pools that follow
   * @param inputShape (C, H, W)
   * @param kernelSize height and width; of a Linear, those of its input
   * @param neuronShape (C, H, W) before pooling
   * @param pooling side of the squares that spikes are summed over; 1 without pools
   * @param kernelMemory words of weights: Cin 2^(ceil(log2(kH kW)) + ceil(log2 Cout))
   * @param neuronMemory words of membrane potentials: Cout 2^(ceil(log2 H) + ceil(log2 W))
   * @param biasMemory words of biases; 0 without a bias
   * @param possibleCores cores with room for it
   * @param core the one it gets beside all others; null where there is none for it
   */
  public record CoreLayer(
      String weights,
      @Nullable String neurons,
      List<String> pools,
      List<Integer> inputShape,
      List<Integer> kernelSize,
      List<Integer> neuronShape,
      int pooling,
      long kernelMemory,
      long neuronMemory,
      long biasMemory,
      List<Integer> possibleCores,
      @Nullable Integer core) {}

  /**
   * Holds a definition against the rules of a chip; weights play no part.
   *
   * @param model one that has been checked
   */
  public static Deployability of(ModelSpec model, Chip chip) {
    return new Placement(model, chip).result();
  }
}
