package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PlotControllerTest extends ServiceTest {

  private static final String JOB =
      """
      {"model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 100}, {"type": "IAF"}]}, "epochs": 2}\
      """;

  private String job;
  private String sweep;

  @BeforeEach
  void train() throws InterruptedException {
    job = made("/api/v1/jobs", JOB);
    sweep = made("/api/v1/sweeps", "{\"job\": %s, \"over\": {\"epochs\": [1]}}".formatted(JOB));
    await(job, "succeeded");
  }

  private String made(String path, String body) {
    return post(path, body).headers().firstValue("Location").orElseThrow();
  }

  @Test
  void everyPlotIsLightOrDarkAsAskedForAndOtherwiseFollowsItsReader() throws IOException {
    for (var plot :
        new String[] {
          job + "/plots/synops",
          job + "/plots/firing-rate",
          job + "/plots/firing-rate-histogram",
          job + "/plots/graph",
          job + "/plots/early-exit",
          sweep + "/plots/pareto"
        }) {
      assertThat(svg(plot)).contains("(prefers-color-scheme: dark)");
      for (var path : new String[] {plot, plot + ".svg"}) {
        assertThat(svg(path + "?theme=light"))
            .contains("#ffffff")
            .doesNotContain("#1a2028", "prefers-color-scheme");
        assertThat(svg(path + "?theme=dark"))
            .contains("#1a2028")
            .doesNotContain("#ffffff", "prefers-color-scheme");
      }
      assertThat(ground(plot + ".png")).isEqualTo(0xffffff);
      assertThat(ground(plot + ".png?theme=light")).isEqualTo(0xffffff);
      assertThat(ground(plot + ".png?theme=dark")).isEqualTo(0x1a2028);
      assertThat(ground(plot + "?theme=dark")).isEqualTo(0x1a2028);
    }
  }

  private String svg(String path) {
    return send("GET", path, BodyPublishers.noBody(), "Accept", "image/svg+xml").body();
  }

  /** Colour of the corner pixel of the PNG at {@code path}. */
  private int ground(String path) throws IOException {
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .header("Accept", "image/png")
            .build();
    var png = send(request, BodyHandlers.ofByteArray()).body();
    return ImageIO.read(new ByteArrayInputStream(png)).getRGB(0, 0) & 0xffffff;
  }

  @Test
  void rejectsUnknownTheme() {
    for (var path :
        new String[] {
          job + "/plots/synops.svg",
          job + "/plots/synops.png",
          sweep + "/plots/pareto.svg",
          sweep + "/plots/pareto.png"
        }) {
      for (var theme : new String[] {"sepia", "Dark", ""}) {
        var problem = problem(get(path + "?theme=" + theme), 400, "invalid_parameter");
        assertThat(problem.get("detail").asString())
            .isEqualTo("theme must be light or dark but was " + theme);
      }
    }
  }
}
