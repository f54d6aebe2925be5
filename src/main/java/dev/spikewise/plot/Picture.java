package dev.spikewise.plot;

import static java.util.Objects.requireNonNullElse;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A drawing: marks in the order they are put down, in pixels from the upper left corner.
 *
 * @param title what it shows, in one sentence, for those who cannot see it
 */
public record Picture(int width, int height, String title, List<Mark> marks) {

  public Picture {
    marks = List.copyOf(marks);
  }

  sealed interface Mark {}

  record Point(double x, double y) {}

  record Curve(List<Point> points, Ink ink, double width, boolean dashed) implements Mark {}

  /** A polygon filled with a thin wash of its ink. */
  record Area(List<Point> points, Ink ink) implements Mark {}

  record Dot(Point at, double radius, Ink ink) implements Mark {}

  /** Text on the baseline at {@code at}. */
  record Label(Point at, String text, Anchor anchor, Ink ink, int size, boolean bold)
      implements Mark {}

  enum Anchor {
    START,
    MIDDLE,
    END
  }

  /**
   * As SVG on a ground of its own.
   *
   * @param theme if null, that of the reader's system
   */
  public String svg(@Nullable Theme theme) {
    return new Svg(theme).write(this);
  }

  /**
   * As PNG of twice the size in pixels.
   *
   * @param theme if null, light
   */
  public byte[] png(@Nullable Theme theme) {
    return new Png(requireNonNullElse(theme, Theme.LIGHT)).write(this);
  }
}
