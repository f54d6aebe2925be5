package dev.spikewise.dataset;

import dev.spikewise.interop.events.EventRecording;
import dev.spikewise.spec.Preparation;
import dev.spikewise.spec.Shape;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Divides recordings into frames according to a recipe. A sample has shape [steps, C, height,
 * width], where C is 2 (one channel per polarity), or 1 when polarities are merged or the events
 * have none.
 */
final class EventFrames {

  private final Recipe recipe;
  private final Preparation preparation;
  private final boolean spikeTrains;
  private final Preparation.Crop crop;
  private final int height;
  private final int width;
  private final int channels;

  /**
   * @param spikeTrains whether samples are rows of channels without polarity
   */
  EventFrames(Recipe recipe, boolean spikeTrains) {
    this.recipe = recipe;
    this.spikeTrains = spikeTrains;
    preparation = recipe.preparation();
    crop =
        preparation.crop() == null
            ? new Preparation.Crop(0, 0, recipe.rows(), recipe.pixels())
            : preparation.crop();
    height = spikeTrains ? 1 : Math.ceilDiv(crop.height(), preparation.downsample());
    width = Math.ceilDiv(crop.width(), preparation.downsample());
    channels = spikeTrains || preparation.mergePolarities() ? 1 : 2;
  }

  /** Shape of one frame. */
  Shape shape() {
    return spikeTrains ? Shape.of(width) : Shape.of(channels, height, width);
  }

  /** Number of values per sample. */
  long size() {
    return (long) recipe.steps() * channels * height * width;
  }

  /**
   * Returns the index in the sample of each event that is kept.
   *
   * @throws IllegalArgumentException when an event lies outside the camera's pixels
   */
  int[] places(EventRecording recording) {
    int[] kept = denoised(recording, inWindow(recording));
    kept = Arrays.stream(kept).filter(i -> isInside(recording, i)).toArray();
    var places = new int[kept.length];
    int count = 0;
    for (int i = 0; i < kept.length; i++) {
      int event = kept[i];
      int step = step(recording, kept, i);
      if (step >= 0 && step < recipe.steps()) {
        int channel = channels == 1 ? 0 : recording.polarity()[event];
        int row = spikeTrains ? 0 : (recording.y()[event] - crop.top()) / preparation.downsample();
        int column = (recording.x()[event] - crop.left()) / preparation.downsample();
        places[count++] = ((step * channels + channel) * height + row) * width + column;
      }
    }
    return Arrays.copyOf(places, count);
  }

  private int[] inWindow(EventRecording recording) {
    var window = preparation.timeWindow();
    for (int i = 0; i < recording.size(); i++) {
      int x = recording.x()[i];
      int y = recording.y()[i];
      if (x < 0 || x >= recipe.pixels() || y < 0 || y >= recipe.rows()) {
        throw new IllegalArgumentException(
            "an event at column %d of row %d is outside the %d x %d pixels: check height, width and columns"
                .formatted(x, y, recipe.rows(), recipe.pixels()));
      }
    }
    var all = IntStream.range(0, recording.size());
    if (window == null) {
      return all.toArray();
    }
    double from = recording.start() + 1e6 * window.get(0);
    double to = recording.start() + 1e6 * window.get(1);
    return all.filter(i -> recording.t()[i] >= from && recording.t()[i] < to).toArray();
  }

  /** Background activity filter: an event needs a recent event of one of its four neighbours. */
  private int[] denoised(EventRecording recording, int[] events) {
    if (preparation.denoiseSeconds() == null) {
      return events;
    }
    double time = 1e6 * preparation.denoiseSeconds();
    int rows = recipe.rows();
    int columns = recipe.pixels();
    var last = new double[rows * columns];
    Arrays.fill(last, Double.NEGATIVE_INFINITY);
    var kept = new int[events.length];
    int count = 0;
    for (int event : events) {
      int x = recording.x()[event];
      int y = recording.y()[event];
      double since = recording.t()[event] - time;
      int at = y * columns + x;
      last[at] = recording.t()[event];
      if (x > 0 && last[at - 1] > since
          || x < columns - 1 && last[at + 1] > since
          || y > 0 && last[at - columns] > since
          || y < rows - 1 && last[at + columns] > since) {
        kept[count++] = event;
      }
    }
    return Arrays.copyOf(kept, count);
  }

  private boolean isInside(EventRecording recording, int event) {
    int row = recording.y()[event] - crop.top();
    int column = recording.x()[event] - crop.left();
    return row >= 0 && row < crop.height() && column >= 0 && column < crop.width();
  }

  private int step(EventRecording recording, int[] kept, int i) {
    int steps = recipe.steps();
    if (preparation.frames() == Preparation.Frames.COUNT) {
      int perStep = kept.length / steps;
      return perStep == 0 ? steps - 1 : Math.min(steps - 1, i / perStep);
    }
    var window = preparation.timeWindow();
    double start = recording.start() + (window == null ? 0 : 1e6 * window.get(0));
    double t = recording.t()[kept[i]] - start;
    if (preparation.stepSeconds() != null) {
      return (int) Math.min(steps, Math.floor(t / (1e6 * preparation.stepSeconds())));
    }
    double duration =
        window == null
            ? (double) recording.t()[recording.size() - 1] - recording.start() + 1
            : 1e6 * (window.get(1) - window.get(0));
    // The last event of a very long recording can be rounded to the end of the last frame.
    return Math.min(steps - 1, (int) (t / duration * steps));
  }
}
