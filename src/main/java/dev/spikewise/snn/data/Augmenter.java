package dev.spikewise.snn.data;

import dev.spikewise.spec.Preparation.Augmentation;
import dev.spikewise.spec.Shape;
import java.util.SplittableRandom;

/**
 * Random flips, shifts and rotations of samples [T, C, H, W], the same for every step and channel.
 * Each target pixel takes the value of the nearest source pixel, or 0 outside.
 */
final class Augmenter {

  private final Augmentation settings;
  private final int height;
  private final int width;

  Augmenter(Augmentation settings, Shape shape) {
    this.settings = settings;
    height = shape.dim(shape.rank() - 2);
    width = shape.dim(shape.rank() - 1);
  }

  /** Writes the augmented {@code from} to {@code into}, {@code size} values of each. */
  void apply(float[] from, float[] into, int size, SplittableRandom random) {
    int[] source = source(random);
    int plane = height * width;
    for (int at = 0; at < size; at += plane) {
      for (int pixel = 0; pixel < plane; pixel++) {
        into[at + pixel] = source[pixel] < 0 ? 0 : from[at + source[pixel]];
      }
    }
  }

  /** The source of each target pixel, -1 where it lies outside. */
  private int[] source(SplittableRandom random) {
    boolean flip = random.nextDouble() < settings.flipHorizontal();
    int shift = settings.maxShift();
    int down = random.nextInt(-shift, shift + 1);
    int right = random.nextInt(-shift, shift + 1);
    double angle = Math.toRadians((2 * random.nextDouble() - 1) * settings.maxRotationDegrees());
    double cos = Math.cos(angle);
    double sin = Math.sin(angle);
    double middleY = (height - 1) / 2.0;
    double middleX = (width - 1) / 2.0;
    var source = new int[height * width];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        double fromY = y - down - middleY;
        double fromX = x - right - middleX;
        int row = (int) Math.rint(cos * fromY - sin * fromX + middleY);
        int column = (int) Math.rint(sin * fromY + cos * fromX + middleX);
        column = flip ? width - 1 - column : column;
        source[y * width + x] =
            row < 0 || row >= height || column < 0 || column >= width ? -1 : row * width + column;
      }
    }
    return source;
  }
}
