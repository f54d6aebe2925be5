package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Parallel;
import org.jspecify.annotations.Nullable;

/**
 * Dense convolutions of many channels. The weights of two vectors of output channels are copied to
 * a panel; a block of its taps stays in the first-level cache during the loop over a task's
 * windows. Every sum adds its taps in the same order as the other kernels, independent of the
 * blocks.
 */
final class PanelConv {

  private static final int LANES = Species.FLOATS.length();

  /** Channels of a panel of weights. */
  private static final int PANEL = 2 * LANES;

  /** Floats of a block of a panel. */
  private static final int BLOCK = 6144;

  /** Tiles that are summed at a time. */
  private static final int TILES = 16;

  private static final int TASKS = 32;

  private final ConvShape shape;
  private final Parallel parallel;
  private final int groupIn;
  private final int groupOut;
  private final int taps;

  /** Positions of the kernel. */
  private final int area;

  /** Whether the weights given are those of the convolution whose input's gradient this is. */
  private final boolean mirrored;

  private final int panels;

  /** Weights as [groups, panels, taps, channels of a panel]. */
  private final float[] packed;

  /** Taps in runs that are no longer than a block, and what blocks begin with. */
  private final TapRuns runs;

  private final int[] blocks;
  private final int blockCount;

  private final PanelTiles tiles;
  private final float[] @Nullable [] sumsOfTask = new float[TASKS][];

  /** By tap: its distance from the start of a window. */
  private final int[] offsets;

  /**
   * @param origins by window of every frame: where it starts in the padded input
   * @param mirrored whether the weights given are those of the convolution whose input's gradient
   *     this is
   */
  PanelConv(ConvShape shape, boolean mirrored, int[] origins, Parallel parallel) {
    this.shape = shape;
    this.mirrored = mirrored;
    this.parallel = parallel;
    groupIn = shape.inCPerGroup();
    groupOut = shape.outCPerGroup();
    taps = shape.taps();
    area = shape.kH() * shape.kW();
    panels = Math.ceilDiv(groupOut, PANEL);
    packed = new float[panelStart(shape.groups(), 0)];
    tiles = new PanelTiles(origins);
    int most = BLOCK / PANEL;
    offsets = shape.tapOffsets();
    runs = new TapRuns(taps, 1);
    blocks = new int[taps + 1];
    int count = 0;
    for (int tap = 0, left = 0; tap < taps; left--) {
      if (left == 0) {
        left = most;
        blocks[count++] = runs.count;
      }
      int n = 1;
      while (n < left && tap + n < taps && offsets[tap + n] == offsets[tap] + n) {
        n++;
      }
      runs.append(offsets[tap], tap, n);
      tap += n;
      left -= n - 1;
    }
    blocks[count] = runs.count;
    blockCount = count;
  }

  /**
   * y.
   *
   * @param x frames that are padded
   * @param start what sums start with, and room for two vectors behind it
   */
  void run(float[] x, int xAt, float[] w, float[] start, float[] y, int yAt, int frames) {
    parallel.run(shape.groups() * area, position -> pack(w, position));
    int rows = frames * shape.windows();
    int all = Math.ceilDiv(rows, PanelTiles.WINDOWS);
    int tasks = Math.min(TASKS, all);
    parallel.run(
        tasks,
        task -> {
          float[] sums = sumsOf(task);
          int end = Parallel.start(all, task + 1, tasks);
          for (int tile = Parallel.start(all, task, tasks); tile < end; tile += TILES) {
            int first = tile * PanelTiles.WINDOWS;
            int last = Math.min(rows, Math.min(end, tile + TILES) * PanelTiles.WINDOWS);
            for (int g = 0; g < shape.groups(); g++) {
              for (int panel = 0; panel < panels; panel++) {
                sum(x, xAt + g * groupIn, g, panel, start, sums, first, last);
                store(sums, g, panel, y, yAt, first, last);
              }
            }
          }
        });
  }

  private float[] sumsOf(int task) {
    float[] sums = sumsOfTask[task];
    if (sums == null) {
      sums = new float[TILES * PanelTiles.WINDOWS * PANEL];
      sumsOfTask[task] = sums;
    }
    return sums;
  }

  /** Copies the weights of one position of one group's kernel to the panels. */
  private void pack(float[] w, int position) {
    int g = position / area;
    int tap = position % area * groupIn;
    for (int panel = 0; panel < panels; panel++) {
      int c = panel * PANEL;
      int n = Math.min(PANEL, groupOut - c);
      int width = width(panel);
      int to = panelStart(g, panel) + tap * width;
      if (mirrored) {
        int from = ((g + 1) * area - 1 - position % area) * groupOut + c;
        for (int o = 0; o < groupIn; o += LANES) {
          int end = Math.min(groupIn, o + LANES);
          for (int k = 0; k < n; k++) {
            int i = (from + k) * groupIn;
            for (int j = o, at = to + k + o * width; j < end; j++, at += width) {
              packed[at] = w[i + j];
            }
          }
        }
      } else {
        int from = (g * taps + tap) * groupOut + c;
        for (int o = 0; o < groupIn; o++) {
          System.arraycopy(w, from + o * groupOut, packed, to + o * width, n);
        }
      }
    }
  }

  /** Channels of a panel, with room for whole vectors. */
  private int width(int panel) {
    return groupOut - panel * PANEL > LANES ? PANEL : LANES;
  }

  private int panelStart(int g, int panel) {
    int group = (panels - 1) * PANEL + width(panels - 1);
    return (g * group + panel * PANEL) * taps;
  }

  private void sum(
      float[] x, int xAt, int g, int panel, float[] start, float[] sums, int first, int last) {
    int width = width(panel);
    int size = PanelTiles.WINDOWS * width;
    int channel = g * groupOut + panel * PANEL;
    int end = Math.ceilDiv(last - first, PanelTiles.WINDOWS) * size;
    for (int at = 0; at < end; at += width) {
      System.arraycopy(start, channel, sums, at, width);
    }
    int panelAt = panelStart(g, panel);
    for (int block = 0; block < blockCount; block++) {
      int from = blocks[block];
      int to = blocks[block + 1];
      int firstTap = runs.weights[from];
      int endTap = runs.weights[to - 1] + runs.lengths[to - 1];
      int wAt = panelAt + firstTap * width;
      for (int r = first, at = 0; r < last; r += PanelTiles.WINDOWS, at += size) {
        if (PanelTiles.WINDOWS == 8) {
          if (width == PANEL) {
            tiles.sum8x2(x, xAt, packed, wAt, sums, at, r, last, runs, from, to);
          } else {
            tiles.sum8x1(x, xAt, packed, wAt, sums, at, r, last, runs, from, to);
          }
        } else if (width == PANEL) {
          tiles.sum6x2(x, xAt, packed, wAt, sums, at, r, last, offsets, firstTap, endTap);
        } else {
          tiles.sum6x1(x, xAt, packed, wAt, sums, at, r, last, offsets, firstTap, endTap);
        }
      }
    }
  }

  private void store(float[] sums, int g, int panel, float[] y, int yAt, int first, int last) {
    int width = width(panel);
    int channel = g * groupOut + panel * PANEL;
    int lanes = Math.min(width, groupOut - panel * PANEL);
    for (int r = first, at = 0; r < last; r++, at += width) {
      System.arraycopy(sums, at, y, yAt + r * shape.outC() + channel, lanes);
    }
  }
}
