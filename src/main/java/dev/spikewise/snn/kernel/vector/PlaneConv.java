package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.PlaneLayout;

/**
 * Dense convolutions whose windows have only a few values side by side in the input: those with few
 * channels per group, such as the first layer. The input is copied to one plane for each channel
 * and each column of a stride, in which neighbouring windows begin at neighbouring values.
 */
final class PlaneConv {

  private static final int FORWARD_TASKS = 32;

  /** Of a gradient: see {@link PartialSums}. */
  static final int PARTS = PlaneLayout.PARTS;

  /** Windows, or a row of them, whose gradients stay in the first cache while all taps go by. */
  private static final int CHUNK = 128;

  private static final int LANES = Species.FLOATS.length();

  private final ConvShape shape;
  private final Parallel parallel;
  private final int groupIn;
  private final int groupOut;
  private final int taps;

  /** Of a plane. */
  private final int width;

  private final int planeSize;

  /** Of the planes of a channel, and of a frame. */
  private final int channelSize;

  private final int frameSize;
  private final float[] planes;
  private final int[] origins;
  private final ChannelTiles channels;
  private final PlaneTiles tiles;
  private final float[][] room =
      new float[Math.max(FORWARD_TASKS, PARTS)][2 * PlaneTiles.ROWS * LANES];
  private final PartialSums partialSums;

  PlaneConv(ConvShape shape, int maxFrames, Parallel parallel) {
    this.shape = shape;
    this.parallel = parallel;
    groupIn = shape.inCPerGroup();
    groupOut = shape.outCPerGroup();
    taps = shape.taps();
    channels = new ChannelTiles(groupOut);
    partialSums = new PartialSums(PARTS, parallel);
    width = Math.ceilDiv(shape.paddedW(), shape.strideW());
    planeSize = PlaneLayout.planeSize(shape);
    channelSize = PlaneLayout.planesOfChannel(shape) * planeSize;
    frameSize = PlaneLayout.frameSize(shape);
    planes = new float[maxFrames * frameSize + PlaneTiles.ROWS];
    origins = new int[maxFrames * shape.outH()];
    for (int row = 0; row < origins.length; row++) {
      origins[row] = row / shape.outH() * frameSize + row % shape.outH() * shape.strideH() * width;
    }
    tiles = new PlaneTiles(offsets(), origins, shape.outW(), shape.outC(), groupOut);
  }

  /** Where the value of column {@code ix} lies in a row, counted from its channel's first plane. */
  private int column(int ix) {
    return ix % shape.strideW() * planeSize + ix / shape.strideW();
  }

  /** By tap of the first group. */
  private int[] offsets() {
    var offsets = new int[taps];
    for (int k = 0; k < taps; k++) {
      int plane = k % groupIn * channelSize;
      int kx = k / groupIn % shape.kW();
      int ky = k / groupIn / shape.kW();
      offsets[k] = plane + ky * shape.dilationH() * width + column(kx * shape.dilationW());
    }
    return offsets;
  }

  /** Copies the planes of frames that are padded already. */
  private void spread(float[] x, int xAt, int frames) {
    parallel.run(
        frames,
        f -> {
          int from = xAt + f * shape.paddedSize();
          for (int c = 0; c < shape.inC(); c++) {
            int plane = f * frameSize + c * channelSize;
            for (int ix = 0; ix < shape.paddedW(); ix++) {
              int i = from + ix * shape.inC() + c;
              int to = plane + column(ix);
              for (int iy = 0; iy < shape.paddedH(); iy++) {
                planes[to] = x[i];
                i += shape.paddedW() * shape.inC();
                to += width;
              }
            }
          }
        });
  }

  /** y; {@code start} and w as {@link PlaneTiles} need them. */
  void forward(float[] x, int xAt, float[] w, float[] start, float[] y, int yAt, int frames) {
    spread(x, xAt, frames);
    int rows = frames * shape.outH();
    int tasks = Math.min(FORWARD_TASKS, rows);
    parallel.run(
        tasks,
        task -> {
          int end = Parallel.start(rows, task + 1, tasks);
          for (int row = Parallel.start(rows, task, tasks); row < end; row++) {
            forwardRow(row, w, start, y, yAt + row * shape.outW() * shape.outC(), room[task]);
          }
        });
  }

  private void forwardRow(int row, float[] w, float[] start, float[] y, int yAt, float[] sums) {
    for (int g = 0; g < shape.groups(); g++) {
      int from = origins[row] + g * groupIn * channelSize;
      for (int tile = 0; tile < channels.count; tile++) {
        int wAt = g * taps * groupOut + channels.first(tile);
        int channel = g * groupOut + channels.first(tile);
        for (int ox = 0; ox < shape.outW(); ox += PlaneTiles.ROWS) {
          int n = Math.min(PlaneTiles.ROWS, shape.outW() - ox);
          int at = yAt + ox * shape.outC();
          if (channels.isPair(tile)) {
            tiles.forward6x2(planes, from + ox, w, wAt, start, channel, y, at, n, sums);
          } else {
            int lanes = channels.lanes();
            tiles.forward6x1(planes, from + ox, w, wAt, start, channel, y, at, n, sums, lanes);
          }
        }
      }
    }
  }

  /** Adds to gw; gy has room for a vector behind it. */
  void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
    spread(x, xAt, frames);
    int rows = frames * shape.outH();
    partialSums.addTo(
        gw,
        (part, sums, at) -> {
          int first = partialSums.start(rows, part);
          addRows(gy, gyAt, sums, at, first, partialSums.start(rows, part + 1), room[part]);
        });
  }

  private void addRows(
      float[] gy, int gyAt, float[] gw, int gwAt, int first, int last, float[] sums) {
    int chunk = Math.ceilDiv(CHUNK, shape.outW());
    for (int row = first; row < last; row += chunk) {
      int end = Math.min(last, row + chunk);
      for (int g = 0; g < shape.groups(); g++) {
        int from = g * groupIn * channelSize;
        for (int tile = 0; tile < channels.count; tile++) {
          int gyFrom = gyAt + g * groupOut + channels.first(tile);
          for (int tap = 0; tap < taps; tap += PlaneTiles.ROWS) {
            int weight = gwAt + (g * taps + tap) * groupOut + channels.first(tile);
            if (channels.isPair(tile)) {
              tiles.weights6x2(planes, from, gy, gyFrom, gw, weight, tap, row, end, sums);
            } else {
              int skip = channels.skip(tile);
              int lanes = channels.lanes();
              tiles.weights6x1(
                  planes, from, gy, gyFrom, gw, weight, tap, row, end, sums, skip, lanes);
            }
          }
        }
      }
    }
  }
}
