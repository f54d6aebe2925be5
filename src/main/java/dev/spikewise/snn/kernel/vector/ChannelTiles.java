package dev.spikewise.snn.kernel.vector;

/**
 * Division of a group's channels into tiles: pairs of vectors, then single vectors. The last vector
 * overlaps the one before, so that it is full, unless the group has fewer channels than a vector.
 */
final class ChannelTiles {

  private static final int LANES = Species.FLOATS.length();

  final int count;

  private final int channels;
  private final int pairs;

  ChannelTiles(int channels) {
    this.channels = channels;
    pairs = channels / (2 * LANES);
    count = (channels + LANES - 1) / LANES - pairs;
  }

  int first(int tile) {
    return start(tile) - skip(tile);
  }

  private int start(int tile) {
    return (tile + Math.min(tile, pairs)) * LANES;
  }

  /** Channels of a tile that belong to the one before it too. */
  int skip(int tile) {
    return isPair(tile) ? 0 : Math.clamp(start(tile) + LANES - channels, 0, start(tile));
  }

  boolean isPair(int tile) {
    return tile < pairs;
  }

  /** Channels of a vector: fewer than it holds only where a group has not as many. */
  int lanes() {
    return Math.min(LANES, channels);
  }
}
