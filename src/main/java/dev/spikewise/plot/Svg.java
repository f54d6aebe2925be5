package dev.spikewise.plot;

import dev.spikewise.plot.Picture.Area;
import dev.spikewise.plot.Picture.Curve;
import dev.spikewise.plot.Picture.Dot;
import dev.spikewise.plot.Picture.Label;
import dev.spikewise.plot.Picture.Mark;
import dev.spikewise.plot.Picture.Point;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;

/** Writes a picture as SVG 1.1. */
final class Svg {

  private Svg() {}

  static String write(Picture picture) {
    return """
        <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" \
        font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">
        <title>%s</title>
        <style>%s @media (prefers-color-scheme: dark) {%s}</style>
        <rect class="paper" width="100%%" height="100%%" rx="8" fill="currentColor"/>
        %s
        </svg>
        """
        .formatted(
            picture.width(),
            picture.height(),
            picture.width(),
            picture.height(),
            escape(picture.title()),
            colours(ink -> ink.light),
            colours(ink -> ink.dark),
            picture.marks().stream().map(Svg::mark).collect(Collectors.joining("\n")));
  }

  private static String colours(ToIntFunction<Ink> scheme) {
    return Arrays.stream(Ink.values())
        .map(ink -> ".%s{color:#%06x}".formatted(name(ink), scheme.applyAsInt(ink)))
        .collect(Collectors.joining());
  }

  private static String mark(Mark mark) {
    return switch (mark) {
      case Curve c ->
          "<polyline class=\"%s\" points=\"%s\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"%s\"%s stroke-linejoin=\"round\"/>"
              .formatted(
                  name(c.ink()),
                  points(c.points()),
                  number(c.width()),
                  c.dashed() ? " stroke-dasharray=\"5 4\"" : "");
      case Area a ->
          "<polygon class=\"%s\" points=\"%s\" fill=\"currentColor\" fill-opacity=\"0.25\"/>"
              .formatted(name(a.ink()), points(a.points()));
      case Dot d ->
          "<circle class=\"%s\" cx=\"%s\" cy=\"%s\" r=\"%s\" fill=\"currentColor\"/>"
              .formatted(name(d.ink()), number(d.at().x()), number(d.at().y()), number(d.radius()));
      case Label l ->
          "<text class=\"%s\" x=\"%s\" y=\"%s\" font-size=\"%d\"%s text-anchor=\"%s\" fill=\"currentColor\">%s</text>"
              .formatted(
                  name(l.ink()),
                  number(l.at().x()),
                  number(l.at().y()),
                  l.size(),
                  l.bold() ? " font-weight=\"600\"" : "",
                  l.anchor().name().toLowerCase(Locale.ROOT),
                  escape(l.text()));
    };
  }

  private static String name(Ink ink) {
    return ink.name().toLowerCase(Locale.ROOT);
  }

  private static String points(List<Point> points) {
    return points.stream()
        .map(p -> number(p.x()) + "," + number(p.y()))
        .collect(Collectors.joining(" "));
  }

  /** Tenths of a pixel are enough. */
  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value).replaceFirst("\\.0$", "");
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
