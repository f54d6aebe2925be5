package dev.spikewise.plot;

import dev.spikewise.plot.Picture.Area;
import dev.spikewise.plot.Picture.Curve;
import dev.spikewise.plot.Picture.Dot;
import dev.spikewise.plot.Picture.Label;
import dev.spikewise.plot.Picture.Link;
import dev.spikewise.plot.Picture.Mark;
import dev.spikewise.plot.Picture.Point;
import dev.spikewise.plot.Picture.Strokes;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import javax.imageio.ImageIO;

/** Writes a picture as PNG with Java 2D, which needs no display. */
record Png(Theme theme) {

  private static final int SCALE = 2;
  private static final int WASH = 64;

  byte[] write(Picture picture) {
    var image =
        new BufferedImage(
            picture.width() * SCALE, picture.height() * SCALE, BufferedImage.TYPE_INT_RGB);
    var graphics = image.createGraphics();
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
    graphics.scale(SCALE, SCALE);
    graphics.setColor(colour(Ink.PAPER));
    graphics.fillRect(0, 0, picture.width(), picture.height());
    picture.marks().forEach(mark -> paint(mark, graphics));
    graphics.dispose();
    var bytes = new ByteArrayOutputStream();
    try {
      ImageIO.write(image, "png", bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private void paint(Mark mark, Graphics2D graphics) {
    switch (mark) {
      case Curve curve -> {
        graphics.setColor(colour(curve.ink()));
        graphics.setStroke(
            new BasicStroke(
                (float) curve.width(),
                BasicStroke.CAP_BUTT,
                BasicStroke.JOIN_ROUND,
                10,
                curve.dashed() ? new float[] {5, 4} : null,
                0));
        graphics.draw(path(curve.points()));
      }
      case Area area -> {
        var ink = colour(area.ink());
        graphics.setColor(new Color(ink.getRed(), ink.getGreen(), ink.getBlue(), WASH));
        graphics.fill(path(area.points()));
      }
      case Dot dot -> {
        graphics.setColor(colour(dot.ink()));
        double r = dot.radius();
        graphics.fill(new Ellipse2D.Double(dot.at().x() - r, dot.at().y() - r, 2 * r, 2 * r));
      }
      case Strokes strokes -> {
        graphics.setColor(colour(strokes.ink()));
        double half = strokes.width() / 2;
        for (var stroke : strokes.strokes()) {
          double x = stroke.from().x();
          graphics.fill(
              new Rectangle2D.Double(
                  x, stroke.from().y() - half, stroke.to() - x, strokes.width()));
        }
      }
      case Link link -> link.marks().forEach(part -> paint(part, graphics));
      case Label label -> {
        graphics.setColor(colour(label.ink()));
        graphics.setFont(
            new Font(Font.SANS_SERIF, label.bold() ? Font.BOLD : Font.PLAIN, label.size()));
        double width = graphics.getFontMetrics().getStringBounds(label.text(), graphics).getWidth();
        double shift =
            switch (label.anchor()) {
              case START -> 0;
              case MIDDLE -> width / 2;
              case END -> width;
            };
        graphics.drawString(label.text(), (float) (label.at().x() - shift), (float) label.at().y());
      }
    }
  }

  private Color colour(Ink ink) {
    return new Color(ink.on(theme));
  }

  private static Path2D path(List<Point> points) {
    var path = new Path2D.Double();
    for (var point : points) {
      if (path.getCurrentPoint() == null) {
        path.moveTo(point.x(), point.y());
      } else {
        path.lineTo(point.x(), point.y());
      }
    }
    return path;
  }
}
