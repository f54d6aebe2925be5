package dev.spikewise.dataset;

import dev.spikewise.snn.data.Dataset;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import javax.imageio.ImageIO;

/**
 * Draws one sample as PNG. Images are grey or, with three channels, in colour. Event frames show
 * channel 1 (brighter) in blue and channel 0 (darker) in red, with at most eight time steps side by
 * side. Samples without height and width are drawn as rasters with time from left to right.
 */
final class SamplePicture {

  private static final int MAX_FRAMES = 8;
  private static final int SIDE = 128;
  private static final int MAX_SIDE = 1024;
  private static final int GAP = 2;

  private final Dataset dataset;
  private final float[] values;
  private final int frame;

  private SamplePicture(Dataset dataset, int sample) {
    this.dataset = dataset;
    values = new float[dataset.values().sampleSize()];
    dataset.values().read(sample, values);
    frame = dataset.shape().size();
  }

  static byte[] png(Dataset dataset, int sample) {
    var picture = new SamplePicture(dataset, sample);
    var image = dataset.shape().rank() == 3 ? picture.frames() : picture.raster();
    var bytes = new ByteArrayOutputStream();
    try {
      ImageIO.write(image, "png", bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private BufferedImage frames() {
    int height = dataset.shape().dim(1);
    int width = dataset.shape().dim(2);
    int steps = Math.max(1, dataset.timeSteps());
    int shown = Math.min(steps, MAX_FRAMES);
    int zoom = Math.max(1, SIDE / Math.max(height, width));
    var image =
        new BufferedImage(
            shown * (width * zoom + GAP) - GAP, height * zoom, BufferedImage.TYPE_INT_RGB);
    float highest = highest();
    for (int f = 0; f < shown; f++) {
      // The steps shown are evenly spaced over the sample.
      int step = f * steps / shown;
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
          int colour = colour(step * frame + y * width + x, height * width, highest);
          for (int i = 0; i < zoom * zoom; i++) {
            image.setRGB(
                f * (width * zoom + GAP) + x * zoom + i % zoom, y * zoom + i / zoom, colour);
          }
        }
      }
    }
    return image;
  }

  private BufferedImage raster() {
    int steps = Math.max(1, dataset.timeSteps());
    int rows = Math.min(frame, MAX_SIDE);
    int columns = Math.min(steps, MAX_SIDE);
    int wide = Math.max(1, 3 * SIDE / columns);
    int tall = Math.max(1, SIDE / rows);
    var image = new BufferedImage(columns * wide, rows * tall, BufferedImage.TYPE_INT_RGB);
    float highest = highest();
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        int grey = level(values[column * steps / columns * frame + row * frame / rows], highest);
        for (int i = 0; i < wide * tall; i++) {
          image.setRGB(
              column * wide + i % wide, row * tall + i / wide, grey << 16 | grey << 8 | grey);
        }
      }
    }
    return image;
  }

  private int colour(int at, int plane, float highest) {
    return switch (dataset.shape().dim(0)) {
      case 2 -> level(values[at], highest) << 16 | level(values[at + plane], highest);
      case 3 ->
          level(values[at], highest) << 16
              | level(values[at + plane], highest) << 8
              | level(values[at + 2 * plane], highest);
      default -> level(values[at], highest) * 0x010101;
    };
  }

  private float highest() {
    float highest = dataset.timeSteps() == 0 ? 1 : 0;
    for (float value : values) {
      highest = Math.max(highest, value);
    }
    return highest;
  }

  private static int level(float value, float highest) {
    return highest <= 0 ? 0 : Math.clamp(Math.round(255 * value / highest), 0, 255);
  }
}
