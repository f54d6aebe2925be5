package dev.spikewise.chip;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A chip whose cores hold one layer each: a convolution, its neurons and the pooling of their
 * spikes.
 */
public enum Chip {
  /**
   * SynSense's Speck 2f. Figures from sinabs' {@code DynapcnnConfigBuilder.get_constraints} and its
   * "Overview of hardware constraints".
   */
  SPECK2F(
      List.of(
          new Core(16, 64),
          new Core(16, 64),
          new Core(16, 64),
          new Core(32, 32),
          new Core(32, 32),
          new Core(64, 16),
          new Core(64, 16),
          new Core(16, 16),
          new Core(16, 16)));

  static final int MAX_INPUT = 128;
  static final int MAX_MAP = 64;
  static final int MAX_CHANNELS = 1024;
  static final int MAX_KERNEL = 16;
  static final int MAX_PADDING = 7;

  /** Cores that the spikes of a core, or of the camera, can be sent to. */
  static final int MAX_DESTINATIONS = 2;

  static final Set<Integer> STRIDES = Set.of(1, 2, 4, 8);
  static final Set<Integer> POOLINGS = Set.of(1, 2, 4);

  /**
   * Memory of a core, in Ki words.
   *
   * @param kernelKi memory for kernels (weights)
   * @param neuronKi memory for membrane potentials
   */
  record Core(int kernelKi, int neuronKi) {

    boolean holds(long kernelMemory, long neuronMemory) {
      return kernelMemory <= kernelKi * 1024L && neuronMemory <= neuronKi * 1024L;
    }
  }

  private final List<Core> cores;

  Chip(List<Core> cores) {
    this.cores = cores;
  }

  List<Core> cores() {
    return cores;
  }

  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
