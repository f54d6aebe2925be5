package dev.spikewise.chip;

import dev.spikewise.spec.Shape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The output of a layer as the chip sees it.
 *
 * @param map shape, (C, H, W): a Flatten does not move anything on the chip
 * @param sources where its spikes come from; several where they are added
 * @param open the core whose neurons are still missing, so that these are currents; else null
 * @param added whether it is a sum that its reader's core must form
 */
record Signal(Shape map, List<Source> sources, @Nullable CoreDraft open, boolean added) {

  /** Stands for the chip's camera where a core is given by index. */
  static final int CAMERA = -1;

  /**
   * Spikes of a core.
   *
   * @param core index of the core's content, or {@link #CAMERA}
   * @param pooling side of the squares over which they are summed on their way
   */
  record Source(int core, int pooling) {}

  boolean isCamera() {
    return sources.stream().allMatch(source -> source.core() == CAMERA);
  }

  Signal withMap(Shape other) {
    return new Signal(other, sources, open, added);
  }
}
