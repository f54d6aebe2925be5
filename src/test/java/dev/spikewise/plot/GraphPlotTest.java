package dev.spikewise.plot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.plot.Picture.Area;
import dev.spikewise.plot.Picture.Curve;
import dev.spikewise.plot.Picture.Dot;
import dev.spikewise.plot.Picture.Label;
import dev.spikewise.plot.Picture.Mark;
import dev.spikewise.snn.Tutorial;
import dev.spikewise.spec.ModelSpec;
import java.io.StringReader;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.xml.sax.InputSource;

class GraphPlotTest {

  /** Of a phone of 390 pixels, without the page's margins. */
  private static final int PHONE = 358;

  @Test
  void drawsASequenceAsOneLine() {
    var picture = GraphPlot.of(Tutorial.model().graph());
    assertThat(marks(picture, Dot.class).stream().map(dot -> dot.at().x()).distinct()).hasSize(1);
    assertThat(marks(picture, Curve.class)).hasSize(marks(picture, Dot.class).size() - 1);
    assertThat(texts(picture))
        .startsWith("input", "1 × 28 × 28", "FlattenTime · Conv2d · IAF")
        .contains("0 to 2 · 16 × 24 × 24");
  }

  @Test
  void drawsABarAsLongAsTheShareOfEachRow() {
    var graph = Tutorial.model().graph();
    var picture = GraphPlot.of(graph, Map.of("1", 0.5, "4", 0.25, "7", 0.25));
    assertThat(marks(GraphPlot.of(graph), Area.class)).isEmpty();
    var bars =
        marks(picture, Area.class).stream()
            .map(bar -> bar.points().get(1).x() - bar.points().get(0).x())
            .toList();
    assertThat(bars).hasSize(3);
    assertThat(bars.get(0)).isEqualTo(2 * bars.get(1));
    assertThat(texts(picture)).contains("50\u202f%", "25\u202f%");
  }

  @Test
  void drawsABranchBesideTheSkipAndBothIntoTheJoin() {
    var picture =
        draw(
            """
            {"type": "IAF", "name": "stem"}, {"type": "Conv2d", "out_channels": 2, "kernel_size": 1},
            {"type": "IAF", "name": "block"}, {"type": "Add", "name": "sum", "inputs": ["block", "stem"]},
            {"type": "Flatten"}
            """);
    var dots = marks(picture, Dot.class);
    // The input, the stem, the block, the join, and the layer behind it.
    double trunk = dots.getFirst().at().x();
    double branch = dots.get(2).at().x();
    assertThat(branch).isGreaterThan(trunk);
    assertThat(dots.stream().map(dot -> dot.at().x()))
        .containsExactly(trunk, trunk, branch, trunk, trunk);
    var ends =
        marks(picture, Curve.class).stream()
            .map(curve -> List.of(curve.points().getFirst(), curve.points().getLast()))
            .toList();
    assertThat(ends)
        .containsExactlyInAnyOrder(
            List.of(dots.get(0).at(), dots.get(1).at()),
            List.of(dots.get(1).at(), dots.get(2).at()),
            List.of(dots.get(2).at(), dots.get(3).at()),
            List.of(dots.get(1).at(), dots.get(3).at()),
            List.of(dots.get(3).at(), dots.get(4).at()));
    assertThat(picture.width()).isLessThanOrEqualTo(PHONE);
  }

  @Test
  void shortensLongNamesAndEscapesThem() throws Exception {
    var name = "<" + "stage1.".repeat(25) + "conv&";
    var picture = draw("{\"type\": \"IAF\", \"name\": \"" + name + "\"}");
    assertThat(marks(picture, Label.class)).allMatch(label -> label.text().length() <= 42);
    assertThat(picture.width()).isLessThanOrEqualTo(PHONE);
    var svg =
        DocumentBuilderFactory.newInstance()
            .newDocumentBuilder()
            .parse(new InputSource(new StringReader(picture.svg(null))));
    assertThat(svg.getDocumentElement().getTextContent()).contains("<stage1.stage1", "1.conv&");
  }

  @Test
  void endsAfterManyRowsAndSaysHowManyLayersAreLeft() {
    var picture =
        draw(
            IntStream.range(0, 1000)
                .mapToObj(_ -> "{\"type\": \"IAF\"}")
                .collect(Collectors.joining(",")));
    assertThat(picture.height()).isLessThan(7000);
    assertThat(texts(picture).getLast()).isEqualTo("and 851 more layers, which the table lists");
  }

  private static Picture draw(String layers) {
    var model = "{\"input_shape\": [2, 3, 3], \"layers\": [%s]}".formatted(layers);
    return GraphPlot.of(Tutorial.JSON.readValue(model, ModelSpec.class).graph());
  }

  private static List<String> texts(Picture picture) {
    return marks(picture, Label.class).stream().map(Label::text).toList();
  }

  private static <M extends Mark> List<M> marks(Picture picture, Class<M> kind) {
    return picture.marks().stream().filter(kind::isInstance).map(kind::cast).toList();
  }
}
