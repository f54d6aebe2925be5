package dev.spikewise.api;

import static java.util.Objects.requireNonNull;

import dev.spikewise.compute.Compute;
import dev.spikewise.job.JobResults;
import dev.spikewise.job.Jobs;
import dev.spikewise.model.Rasters;
import dev.spikewise.plot.GraphPlot;
import dev.spikewise.plot.Picture;
import dev.spikewise.plot.Plots;
import dev.spikewise.plot.Theme;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.spec.EpochMetrics;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Figures of a job, as SVG or PNG according to the Accept header or the extension of the path. */
@RestController
@RequestMapping(JobController.PATH + "/{id}/plots")
class PlotController {

  private static final String SVG = "image/svg+xml";
  private static final int MAX_POINTS = 500;

  private final Jobs jobs;
  private final JobResults results;
  private final Compute compute;

  PlotController(Jobs jobs, JobResults results, Compute compute) {
    this.compute = compute;
    this.jobs = jobs;
    this.results = results;
  }

  /**
   * Draws a figure of a job: synops, firing rate, firing-rate histograms, the graph of its network,
   * accuracy against synops when samples end early (early-exit), or the raster of a sample's
   * spikes.
   */
  @GetMapping(
      path = {"/{plot:[a-z-]+}", "/{plot:[a-z-]+}.svg"},
      produces = SVG)
  byte[] svg(
      @PathVariable UUID id,
      @PathVariable String plot,
      @RequestParam(defaultValue = "2") int columns,
      @RequestParam(required = false) @Nullable String theme,
      @RequestParam(required = false) @Nullable Integer sample,
      @RequestParam(required = false) @Nullable String layer,
      @RequestParam(required = false) @Nullable String at) {
    return draw(id, plot, columns, sample, layer)
        .svg(theme(theme))
        .getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Draws a figure of a job: synops, firing rate, firing-rate histograms, the graph of its network,
   * accuracy against synops when samples end early (early-exit), or the raster of a sample's
   * spikes.
   */
  @GetMapping(
      path = {"/{plot:[a-z-]+}", "/{plot:[a-z-]+}.png"},
      produces = MediaType.IMAGE_PNG_VALUE)
  byte[] png(
      @PathVariable UUID id,
      @PathVariable String plot,
      @RequestParam(defaultValue = "2") int columns,
      @RequestParam(required = false) @Nullable String theme,
      @RequestParam(required = false) @Nullable Integer sample,
      @RequestParam(required = false) @Nullable String layer,
      @RequestParam(required = false) @Nullable String at) {
    var picture = draw(id, plot, columns, sample, layer);
    var colours = theme(theme);
    return compute.run(_ -> picture.png(colours));
  }

  static @Nullable Theme theme(@Nullable String word) {
    return switch (word) {
      case null -> null;
      case "light" -> Theme.LIGHT;
      case "dark" -> Theme.DARK;
      default ->
          throw new ProblemException(
              Code.INVALID_PARAMETER, "theme must be light or dark but was " + word);
    };
  }

  static Picture raster(Rasters.Dense spikes) {
    var title =
        "Spikes of sample %d in layer %s".formatted(spikes.sample(), spikes.layer())
            + (spikes.label() == null
                ? ""
                : " (class %d, predicted %d)".formatted(spikes.label(), spikes.predicted()));
    return Plots.raster(title, spikes.steps(), spikes.neurons(), spikes.counts());
  }

  /** Share of each layer in the synops of an epoch. */
  private static Map<String, Double> shares(@Nullable EpochMetrics epoch) {
    if (epoch == null || !(epoch.synops() > 0)) {
      return Map.of();
    }
    return epoch.parameter().entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().synops() / epoch.synops()));
  }

  /**
   * @param columns number of histograms per row
   * @param sample sample of the raster
   * @param layer layer of the raster
   */
  private Picture draw(
      UUID id, String plot, int columns, @Nullable Integer sample, @Nullable String layer) {
    JobController.between(1, 4, columns, "columns");
    var job = jobs.get(id);
    return switch (plot) {
      case "synops" ->
          Plots.synops(jobs.epochs(id, -1, Integer.MAX_VALUE, MAX_POINTS), job.targetSynops());
      case "firing-rate" -> Plots.firingRate(jobs.epochs(id, -1, Integer.MAX_VALUE, MAX_POINTS));
      case "firing-rate-histogram" -> {
        var statistics = results.statistics(id);
        // A job without a baseline has no statistics yet.
        yield Plots.firingRateHistogram(requireNonNull(job.baseline()), statistics, columns);
      }
      case "early-exit" -> Plots.earlyExit(results.statistics(id).overTime());
      case "graph" -> GraphPlot.of(results.model(id).graph(), shares(job.latest()));
      case "raster" -> raster(results.rasterArray(id, sample, layer));
      default -> throw ProblemException.notFound("plot", plot);
    };
  }
}
