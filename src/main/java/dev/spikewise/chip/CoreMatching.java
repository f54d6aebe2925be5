package dev.spikewise.chip;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Assigns layers to cores, each core at most once: Kuhn's augmenting-path algorithm on the
 * bipartite graph of which core has room for which layer.
 */
final class CoreMatching {

  private static final int NONE = -1;

  private final List<List<Integer>> possible;
  private final int[] layerOn;
  private final int[] coreOf;
  private @Nullable Bottleneck bottleneck;

  /**
   * Layers that compete for too few cores.
   *
   * @param layers indices
   * @param cores all cores that have room for any of these layers; fewer than the layers
   */
  record Bottleneck(List<Integer> layers, List<Integer> cores) {}

  /**
   * @param possible cores by layer
   */
  CoreMatching(List<List<Integer>> possible, int cores) {
    this.possible = possible;
    layerOn = new int[cores];
    coreOf = new int[possible.size()];
    Arrays.fill(layerOn, NONE);
    Arrays.fill(coreOf, NONE);
    for (int layer = 0; layer < coreOf.length; layer++) {
      var visited = new boolean[cores];
      if (!place(layer, visited) && bottleneck == null && !possible.get(layer).isEmpty()) {
        bottleneck = bottleneck(layer, visited);
      }
    }
  }

  private boolean place(int layer, boolean[] visited) {
    for (int core : possible.get(layer)) {
      if (layerOn[core] == NONE) {
        return put(layer, core);
      }
    }
    for (int core : possible.get(layer)) {
      if (!visited[core]) {
        visited[core] = true;
        if (place(layerOn[core], visited)) {
          return put(layer, core);
        }
      }
    }
    return false;
  }

  private boolean put(int layer, int core) {
    layerOn[core] = layer;
    coreOf[layer] = core;
    return true;
  }

  /** The layers and cores that a failed search visited, which violate Hall's condition. */
  private Bottleneck bottleneck(int layer, boolean[] visited) {
    var layers = new TreeSet<>(List.of(layer));
    var cores = new ArrayList<Integer>();
    for (int core = 0; core < visited.length; core++) {
      if (visited[core]) {
        cores.add(core);
        layers.add(layerOn[core]);
      }
    }
    return new Bottleneck(List.copyOf(layers), List.copyOf(cores));
  }

  /** The core assigned to a layer, or null. */
  @Nullable Integer coreOf(int layer) {
    return coreOf[layer] == NONE ? null : (Integer) coreOf[layer];
  }

  /** Reason why some layer that fits a core has none; null when every such layer has one. */
  @Nullable Bottleneck bottleneck() {
    return bottleneck;
  }
}
