package dev.spikewise.plot;

import static java.util.Objects.requireNonNullElse;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A drawing: marks in drawing order, with coordinates in pixels from the upper left corner.
 *
 * @param title description of the picture in one sentence, for screen readers
 */
public record Picture(int width, int height, String title, List<Mark> marks) {

  public Picture {
    marks = List.copyOf(marks);
  }

  sealed interface Mark {}

  record Point(double x, double y) {}

  record Curve(List<Point> points, Ink ink, double width, boolean dashed) implements Mark {}

  /** A polygon filled with a transparent tint of its ink. */
  record Area(List<Point> points, Ink ink) implements Mark {}

  record Dot(Point at, double radius, Ink ink) implements Mark {}

  /** Horizontal strokes, each from {@code from} to {@code to} on the height of {@code from}. */
  record Strokes(List<Stroke> strokes, Ink ink, double width) implements Mark {}

  record Stroke(Point from, double to) {}

  /** Text on the baseline at {@code at}. */
  record Label(Point at, String text, Anchor anchor, Ink ink, int size, boolean bold)
      implements Mark {}

  /**
   * Marks that lead somewhere, in a drawing that is part of a page; elsewhere they are only drawn.
   *
   * @param title what they stand for, and where they lead
   */
  record Link(String address, String title, List<Mark> marks) implements Mark {}

  enum Anchor {
    START,
    MIDDLE,
    END
  }

  /**
   * Writes the picture as SVG with its own background.
   *
   * @param theme theme; null for the one of the viewer's system
   */
  public String svg(@Nullable Theme theme) {
    return new Svg(theme).write(this);
  }

  /**
   * As SVG that is part of a page, whose style sheet has the colours. Its links can be followed.
   */
  public String inline() {
    return new Svg(null).inline(this);
  }

  /**
   * Writes the picture as PNG at twice the size in pixels.
   *
   * @param theme theme; null for light
   */
  public byte[] png(@Nullable Theme theme) {
    return new Png(requireNonNullElse(theme, Theme.LIGHT)).write(this);
  }
}
