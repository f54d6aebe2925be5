package dev.spikewise.snn;

/**
 * All that a training needs to go on bit for bit: weights, optimiser state, and how far it came. Random numbers are
 * drawn from (seed, epoch, sample), so the number of epochs is their state.
 *
 * @param epoch number of complete epochs
 */
public record Checkpoint(int epoch, StateDict weights, StateDict optimizer, long steps) {

  public byte[] toBytes() {
    throw new UnsupportedOperationException();
  }

  /** @throws IllegalArgumentException where {@code bytes} are no whole checkpoint of a known version */
  public static Checkpoint fromBytes(byte[] bytes) {
    throw new UnsupportedOperationException();
  }
}
