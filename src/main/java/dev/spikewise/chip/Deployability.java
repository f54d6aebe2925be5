package dev.spikewise.chip;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.spikewise.spec.ModelSpec;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Report on whether a network fits a chip.
 *
 * @param target Chip that was checked.
 * @param deployable Whether no rule failed, neither for a layer nor for the network.
 * @param layers Result for each layer of the definition.
 * @param coreLayers Content of the cores, in the order of the network.
 * @param failures Rules that the network as a whole breaks.
 */
public record Deployability(
    Chip target,
    boolean deployable,
    List<Layer> layers,
    List<CoreLayer> coreLayers,
    List<Failure> failures) {

  /** Role of a layer on the chip. */
  public enum Role {
    /** The weights of a core. */
    WEIGHTS,
    /** The neurons of a core. */
    NEURONS,
    /** The pooling of a core's output, or of the camera's. */
    POOLING,
    /** Merged into the weights before it. */
    MERGED,
    /** A sum that forms where several cores have the same destination. */
    SUM,
    /** None: the layer has an effect during training only. */
    NONE,
    /** None, because the chip does not support such a layer. */
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
    /** A layer has at most 1024 input channels and 1024 output channels. */
    CHANNELS,
    /** A kernel is square and at most 16 x 16. The kernel of a Linear layer is its input map. */
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
    /** A spike subtracts the threshold from the membrane potential or resets it to 0. */
    RESET,
    /** Spikes are summed over squares of 1, 2 or 4 that do not overlap. */
    POOLING,
    /** A core is a Conv2d or Linear, then its neurons, then pools. */
    ORDER,
    /** The chip does not support such a layer. */
    LAYER_TYPE,
    /**
     * Spikes go to at most 2 cores, several cores may share a destination, and nothing else joins
     * or forks: an Add of spikes is read by one Conv2d or Linear.
     */
    BRANCHES,
    /** Some core has room for both the kernels and the neurons of a layer. */
    MEMORY,
    /** Every layer can be assigned a separate core. */
    CORES;

    @JsonValue
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Rule that a network or layer breaks.
   *
   * @param rule Rule of the chip that failed.
   * @param detail Description of what was found and what would be right.
   */
  public record Failure(Rule rule, String detail) {}

  /**
   * Result for one layer of the definition.
   *
   * @param name Name of the layer in the definition.
   * @param type Type of the layer as PyTorch and sinabs spell it.
   * @param role Role of the layer on the chip.
   * @param coreLayer Index in {@code core_layers}; null where the layer belongs to none.
   * @param failures Rules that the layer breaks.
   * @param notes Differences on the chip that do not prevent deployment.
   */
  public record Layer(
      String name,
      String type,
      Role role,
      @Nullable Integer coreLayer,
      List<Failure> failures,
      List<String> notes) {}

  /**
   * Core that receives the spikes of another.
   *
   * @param coreLayer Index of its content in {@code core_layers}.
   * @param pooling Side of the squares over which spikes are summed on their way; 1 without pools.
   */
  public record Destination(int coreLayer, int pooling) {}

  /**
   * Content of one core: weights, neurons and pooling, as sinabs' DynapcnnLayer.
   *
   * @param weights Name of the Conv2d or Linear layer.
   * @param neurons Name of the layer of neurons; null without such a layer.
   * @param pools Names of the pools that follow.
   * @param inputShape Shape of the input, (C, H, W).
   * @param kernelSize Height and width of the kernel; for a Linear layer, those of its input.
   * @param neuronShape Shape of the neurons before pooling, (C, H, W).
   * @param pooling Side of the largest squares over which spikes are summed; 1 without pools.
   * @param destinations Cores that its spikes go to; empty where they are the network's output.
   * @param kernelMemory Words of kernel memory: Cin 2^(ceil(log2(kH kW)) + ceil(log2 Cout)).
   * @param neuronMemory Words of neuron memory: Cout 2^(ceil(log2 H) + ceil(log2 W)).
   * @param biasMemory Words of bias memory; 0 without a bias.
   * @param possibleCores Cores that have room for this content.
   * @param core Core assigned to this content; null where none is left.
   */
  public record CoreLayer(
      String weights,
      @Nullable String neurons,
      List<String> pools,
      List<Integer> inputShape,
      List<Integer> kernelSize,
      List<Integer> neuronShape,
      int pooling,
      List<Destination> destinations,
      long kernelMemory,
      long neuronMemory,
      long biasMemory,
      List<Integer> possibleCores,
      @Nullable Integer core) {}

  /**
   * Checks a definition against the rules of a chip; weights are not considered.
   *
   * @param model checked definition
   */
  public static Deployability of(ModelSpec model, Chip chip) {
    return new Placement(model, chip).result();
  }
}
