package dev.spikewise.plot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Pareto;
import dev.spikewise.spec.Statistics;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.xml.sax.InputSource;

class PlotsTest {

  private static List<EpochMetrics> epochs(int n) {
    return IntStream.range(0, n)
        .mapToObj(
            i ->
                new EpochMetrics(
                    i,
                    1.0 / (i + 1),
                    Map.of(),
                    1e6 * (12 + i),
                    0.3,
                    null,
                    null,
                    null,
                    null,
                    null,
                    2,
                    Map.of("1", new EpochMetrics.Parameter(1e6 * (12 + i))),
                    Map.of("2", new EpochMetrics.Spiking(0.3, 0.5))))
        .toList();
  }

  private static Statistics statistics(double top, Long... counts) {
    var edges =
        IntStream.rangeClosed(0, counts.length).mapToObj(i -> i * top / counts.length).toList();
    var layer =
        new Statistics.Spiking(10, 0.2, 0.4, 0.0, new Statistics.Histogram(edges, List.of(counts)));
    return new Statistics(
        1,
        1,
        null,
        0.2,
        10,
        Map.of(),
        Map.of("2", layer),
        Map.of(),
        null,
        null,
        null,
        List.of(),
        null);
  }

  @Test
  void drawsALinePerRunOnItsAxesAndLinksItInAPage() {
    var picture =
        Plots.parallel(
            List.of("rate", "mode", "synops"),
            List.of(
                new Plots.Run("a & b", "/jobs/1", List.of(0.01, "track", 2e6), true),
                new Plots.Run("c", "/jobs/2", List.of(0.02, "limit", 1e6), false),
                new Plots.Run("d", "/jobs/3", Arrays.asList(0.02, null, 1.5e6), false)));
    assertThat(picture.svg(null))
        .doesNotContain("<a ")
        .contains(">0.01<", ">limit<", ">2.00\u202fM<");
    assertThat(picture.inline())
        .contains("<a href=\"/jobs/1\"><title>a &amp; b, on the Pareto front</title>")
        .doesNotContain("<style")
        .contains("role=\"group\"");
    // A missing value leaves its axis out: of the three lines, one has two points.
    var lines =
        picture.marks().stream()
            .filter(Picture.Link.class::isInstance)
            .map(link -> (Picture.Curve) ((Picture.Link) link).marks().getFirst())
            .map(curve -> curve.points().size())
            .toList();
    assertThat(lines).containsExactly(3, 2, 3);
    assertThat(picture.png(null)).isNotEmpty();
  }

  @Test
  void everyPlotIsWellFormedSvgAndReadablePngOfTheSameSize() throws Exception {
    var plots =
        Map.of(
            "synops", Plots.synops(epochs(20), 24e6),
            "synops-one-epoch", Plots.synops(epochs(1), null),
            "synops-none", Plots.synops(List.of(), 24e6),
            "firing-rate", Plots.firingRate(epochs(20)),
            "firing-rate-histogram",
                Plots.firingRateHistogram(statistics(1, 6L, 3L, 1L), statistics(2, 0L, 4L, 6L), 2),
            "early-exit",
                Plots.earlyExit(
                    new Statistics.OverTime(
                        10,
                        List.of(0.5, 0.8, 0.9),
                        List.of(0.4, 0.6, 0.7),
                        List.of(1e6, 2e6, 3.1e6),
                        List.of(
                            new Statistics.Exit(0.5, 0.7, 1.5, 1.4e6, List.of(5L, 5L, 0L)),
                            new Statistics.Exit(0.9, 0.9, 2.5, 2.4e6, List.of(0L, 5L, 5L))))),
            "firing-rate-histogram-silent",
                Plots.firingRateHistogram(statistics(1, 10L), statistics(1, 0L), 1),
            "pareto",
                Plots.pareto(
                    true,
                    List.of(
                        new Plots.Outcome("a < b", 1e6, 0.9), new Plots.Outcome("c", 2e6, 0.97))));
    for (var plot : plots.entrySet()) {
      var picture = plot.getValue();
      for (var theme : new Theme[] {null, Theme.LIGHT, Theme.DARK}) {
        var svg =
            DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new InputSource(new StringReader(picture.svg(theme))))
                .getDocumentElement();
        assertThat(svg.getAttribute("width")).isEqualTo(Integer.toString(picture.width()));
        assertThat(picture.svg(theme)).doesNotContain("NaN", "Infinity");
        var image = ImageIO.read(new ByteArrayInputStream(picture.png(theme)));
        assertThat(image.getWidth()).isEqualTo(2 * picture.width());
        keep(plot.getKey() + (theme == null ? "" : "-" + theme), picture, theme);
      }
    }
  }

  @Test
  void titlesOfHistogramsStayWithinTheirPanels() {
    var one = statistics(1, 6L).spiking().values().iterator().next();
    var layers = new LinkedHashMap<String, Statistics.Spiking>();
    layers.put("encoder.layer1.0.downsample.spikes", one);
    layers.put("backbone.encoder.stage4.layer1.1.downsample.spikes", one);
    var both =
        new Statistics(
            1, 1, null, 0.2, 10, Map.of(), layers, Map.of(), null, null, null, List.of(), null);
    var titles =
        Plots.firingRateHistogram(both, both, 2).marks().stream()
            .filter(Picture.Label.class::isInstance)
            .map(Picture.Label.class::cast)
            .filter(label -> label.text().startsWith("layer "))
            .toList();
    assertThat(titles).hasSize(2);
    assertThat(titles.getFirst().text()).isEqualTo("layer encoder.layer1.0.downsample.spikes");
    double panel = titles.get(1).at().x() - titles.get(0).at().x();
    assertThat(titles.getLast().text()).contains("…").hasSizeLessThan((int) (panel / 7));
  }

  @Test
  void svgFollowsViewersThemeUnlessGiven() throws IOException {
    var picture = Plots.synops(epochs(20), 24e6);
    assertThat(picture.svg(null))
        .contains("color=\"#ffffff\"", "(prefers-color-scheme: dark)", "{color:#1a2028}");
    assertThat(picture.svg(Theme.LIGHT)).contains("#ffffff").doesNotContain("#1a2028", "<style>");
    assertThat(picture.svg(Theme.DARK)).contains("#1a2028").doesNotContain("#ffffff", "<style>");
    assertThat(corner(picture.png(null))).isEqualTo(0xffffff);
    assertThat(corner(picture.png(Theme.LIGHT))).isEqualTo(0xffffff);
    assertThat(corner(picture.png(Theme.DARK))).isEqualTo(0x1a2028);
  }

  private static int corner(byte[] png) throws IOException {
    return ImageIO.read(new ByteArrayInputStream(png)).getRGB(0, 0) & 0xffffff;
  }

  /** As WCAG 2 counts it: 4.5 for text, 3 for lines; a grid is only there to be looked past. */
  @Test
  void everyInkStandsOutFromItsGround() {
    for (var theme : Theme.values()) {
      int paper = Ink.PAPER.on(theme);
      for (var ink : EnumSet.complementOf(EnumSet.of(Ink.PAPER, Ink.GRID))) {
        assertThat(contrast(ink.on(theme), paper)).as(ink + ", " + theme).isGreaterThan(4.5);
        int wash = mixed(ink.on(theme), paper);
        assertThat(contrast(ink.on(theme), wash)).as(ink + ", washed " + theme).isGreaterThan(3);
        assertThat(contrast(Ink.MUTED.on(theme), wash)).as("before, on " + ink).isGreaterThan(3);
      }
    }
  }

  /** A quarter of {@code ink}, as in areas. */
  private static int mixed(int ink, int paper) {
    int mixed = 0;
    for (int shift = 0; shift <= 16; shift += 8) {
      mixed |= ((ink >> shift & 255) + 3 * (paper >> shift & 255)) / 4 << shift;
    }
    return mixed;
  }

  private static double contrast(int one, int other) {
    double lighter = Math.max(luminance(one), luminance(other));
    double darker = Math.min(luminance(one), luminance(other));
    return (lighter + 0.05) / (darker + 0.05);
  }

  private static double luminance(int rgb) {
    return 0.2126 * linear(rgb >> 16) + 0.7152 * linear(rgb >> 8) + 0.0722 * linear(rgb);
  }

  private static double linear(int channel) {
    double value = (channel & 255) / 255.0;
    return value <= 0.04045 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4);
  }

  @Test
  void drawsTargetLineAndNamesEveryLayer() {
    assertThat(Plots.synops(epochs(20), 24e6).svg(null))
        .contains(">target<", "stroke-dasharray", ">layer 1<", ">model<");
    assertThat(Plots.synops(epochs(20), null).svg(null)).doesNotContain(">target<");
  }

  @Test
  void divergedEpochLeavesGapInCurve() {
    var nan =
        new EpochMetrics(
            1,
            Double.NaN,
            Map.of(),
            Double.NaN,
            Double.NaN,
            null,
            null,
            null,
            null,
            null,
            1,
            Map.of(),
            Map.of());
    assertThat(Plots.firingRate(List.of(nan)).svg(null)).doesNotContain("NaN");
  }

  @Test
  void onlyOutcomesThatNoOtherBeatsAreOnTheFront() {
    var cheap = new Plots.Outcome("cheap", 1e6, 0.90);
    var good = new Plots.Outcome("good", 2e6, 0.97);
    var bad = new Plots.Outcome("bad", 3e6, 0.95);
    assertThat(
            Pareto.front(List.of(bad, good, cheap), Plots.Outcome::synops, Plots.Outcome::accuracy))
        .containsExactly(cheap, good);
    assertThat(Plots.pareto(false, List.of(cheap, good, bad)).svg(null))
        .containsPattern("class=\"spikewise-muted\"[^>]*>bad<")
        .containsPattern("class=\"spikewise-blue\"[^>]*>cheap<");
  }

  @Test
  void namesOfOutcomesGiveWayToEachOtherTheFrontsFirst() {
    var svg =
        Plots.pareto(
                false,
                List.of(
                    new Plots.Outcome("worse", 1.02e6, 0.9),
                    new Plots.Outcome("best", 1e6, 0.9),
                    new Plots.Outcome("far", 2e6, 0.95),
                    new Plots.Outcome("low", 3e6, 0.8)))
            .svg(null);
    assertThat(svg).containsPattern("<text[^>]*>best<").containsPattern("<text[^>]*>far<");
    assertThat(height(svg, "worse"))
        .as("above its dot, as best is below")
        .isLessThan(height(svg, "best"));
  }

  @Test
  void labelsDoNotHideDots() {
    var far = new Plots.Outcome("far", 2e6, 0.99);
    var low = new Plots.Outcome("low", 1.9e6, 0.9);
    var named = new Plots.Outcome("named", 1e6, 0.95);
    var belowIt = new Plots.Outcome("below it", 1.1e6, 0.9465);
    var alone = Plots.pareto(false, List.of(named, far, low));
    var beside = Plots.pareto(false, List.of(named, belowIt, far, low));
    assertThat(height(beside.svg(null), "named")).isLessThan(height(alone.svg(null), "named"));
  }

  private static double height(String svg, String text) {
    var label = Pattern.compile("y=\"([0-9.]+)\"[^>]*>" + text + "<").matcher(svg);
    assertThat(label.find()).as(text).isTrue();
    return Double.parseDouble(label.group(1));
  }

  @Test
  void ticksAreRoundNumbersWithNoMoreDigitsThanTheyNeed() {
    var axis = Axis.around(0, 27.3e6, 6, 0, 100);
    assertThat(axis.ticks().stream().map(axis::text))
        .containsExactly(
            "0", "5\u202fM", "10\u202fM", "15\u202fM", "20\u202fM", "25\u202fM", "30\u202fM");
    var rates = Axis.around(0, 0.31, 4, 0, 100);
    assertThat(rates.ticks().stream().map(rates::text))
        .containsExactly("0", "0.1", "0.2", "0.3", "0.4");
    var accuracy = Axis.percent(0.517, 0.606, 5, 0, 100);
    assertThat(accuracy.ticks().stream().map(accuracy::text))
        .containsExactly(
            "50\u202f%",
            "52\u202f%", "54\u202f%", "56\u202f%", "58\u202f%", "60\u202f%", "62\u202f%");
  }

  @Test
  void aFrontFillsItsDrawing() {
    var svg =
        Plots.pareto(
                true,
                List.of(
                    new Plots.Outcome("cheap", 43.5e3, 0.517),
                    new Plots.Outcome("dear", 68.3e3, 0.606)))
            .svg(null);
    assertThat(svg)
        .contains("Test accuracy", "synops per test sample", ">52\u202f%<", ">70\u202fk<");
    assertThat(svg).doesNotContain(">0<", ">0\u202f%<", ">100\u202f%<");
  }

  private static void keep(String name, Picture picture, @Nullable Theme theme) throws IOException {
    var folder = Files.createDirectories(Path.of("target/plots"));
    Files.writeString(folder.resolve(name + ".svg"), picture.svg(theme));
    Files.write(folder.resolve(name + ".png"), picture.png(theme));
  }
}
