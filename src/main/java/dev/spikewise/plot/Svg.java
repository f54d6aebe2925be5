package dev.spikewise.plot;

import dev.spikewise.plot.Picture.Area;
import dev.spikewise.plot.Picture.Curve;
import dev.spikewise.plot.Picture.Dot;
import dev.spikewise.plot.Picture.Label;
import dev.spikewise.plot.Picture.Link;
import dev.spikewise.plot.Picture.Mark;
import dev.spikewise.plot.Picture.Point;
import dev.spikewise.plot.Picture.Strokes;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Writes a picture as SVG 1.1. Colours are attributes, which every program supports. When the
 * viewer's colour scheme decides, a style sheet overrides them for the dark scheme; inside an HTML
 * page it would apply to the whole page, so its class names are unique.
 *
 * @param theme theme; null for the one of the viewer's system
 */
record Svg(@Nullable Theme theme) {

  String write(Picture picture) {
    return write(picture, "role=\"img\"", theme == null ? dark() : "", this::mark);
  }

  /** Without a style sheet, which a page's security policy would refuse, and with links. */
  String inline(Picture picture) {
    return write(
        picture,
        "class=\"plot\" role=\"group\" aria-label=\"%s\"".formatted(escape(picture.title())),
        "",
        this::linked);
  }

  private String write(
      Picture picture, String attributes, String style, Function<Mark, String> written) {
    return """
    <svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" %s \
    font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif">
    <title>%s</title>%s
    <rect %s width="100%%" height="100%%" rx="8" fill="currentColor"/>
    %s
    </svg>
    """
        .formatted(
            picture.width(),
            picture.height(),
            picture.width(),
            picture.height(),
            attributes,
            escape(picture.title()),
            style,
            colour(Ink.PAPER),
            picture.marks().stream().map(written).collect(Collectors.joining("\n")));
  }

  private String linked(Mark mark) {
    return mark instanceof Link link
        ? "<a href=\"%s\"><title>%s</title>%s</a>"
            .formatted(escape(link.address()), escape(link.title()), mark(link))
        : mark(mark);
  }

  private static String dark() {
    return Arrays.stream(Ink.values())
        .map(ink -> ".%s{color:#%06x}".formatted(name(ink), ink.on(Theme.DARK)))
        .collect(
            Collectors.joining("", "\n<style>@media (prefers-color-scheme: dark){", "}</style>"));
  }

  private String colour(Ink ink) {
    return theme == null
        ? "class=\"%s\" color=\"#%06x\"".formatted(name(ink), ink.on(Theme.LIGHT))
        : "color=\"#%06x\"".formatted(ink.on(theme));
  }

  private String mark(Mark mark) {
    return switch (mark) {
      case Curve c ->
          "<polyline %s points=\"%s\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"%s\"%s stroke-linejoin=\"round\"/>"
              .formatted(
                  colour(c.ink()),
                  points(c.points()),
                  number(c.width()),
                  c.dashed() ? " stroke-dasharray=\"5 4\"" : "");
      case Area a ->
          "<polygon %s points=\"%s\" fill=\"currentColor\" fill-opacity=\"0.25\"/>"
              .formatted(colour(a.ink()), points(a.points()));
      case Strokes s ->
          "<path %s d=\"%s\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"%s\"/>"
              .formatted(
                  colour(s.ink()),
                  s.strokes().stream()
                      .map(
                          stroke ->
                              "M%s %sH%s"
                                  .formatted(
                                      number(stroke.from().x()),
                                      number(stroke.from().y()),
                                      number(stroke.to())))
                      .collect(Collectors.joining()),
                  number(s.width()));
      case Dot d ->
          "<circle %s cx=\"%s\" cy=\"%s\" r=\"%s\" fill=\"currentColor\"/>"
              .formatted(
                  colour(d.ink()), number(d.at().x()), number(d.at().y()), number(d.radius()));
      case Link l -> l.marks().stream().map(this::mark).collect(Collectors.joining());
      case Label l ->
          "<text %s x=\"%s\" y=\"%s\" font-size=\"%d\"%s text-anchor=\"%s\" fill=\"currentColor\">%s</text>"
              .formatted(
                  colour(l.ink()),
                  number(l.at().x()),
                  number(l.at().y()),
                  l.size(),
                  l.bold() ? " font-weight=\"600\"" : "",
                  l.anchor().name().toLowerCase(Locale.ROOT),
                  escape(l.text()));
    };
  }

  private static String name(Ink ink) {
    return "spikewise-" + ink.name().toLowerCase(Locale.ROOT);
  }

  private static String points(List<Point> points) {
    return points.stream()
        .map(p -> number(p.x()) + "," + number(p.y()))
        .collect(Collectors.joining(" "));
  }

  /** Formats a coordinate in tenths of a pixel. */
  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1f", value).replaceFirst("\\.0$", "");
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}
