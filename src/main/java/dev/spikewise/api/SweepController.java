package dev.spikewise.api;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.spikewise.compute.Compute;
import dev.spikewise.plot.Picture;
import dev.spikewise.plot.Plots;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.spec.Page;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.sweep.Sweep;
import dev.spikewise.sweep.Sweeps;
import dev.spikewise.web.Links;
import dev.spikewise.web.PageQuery;
import dev.spikewise.web.SelectableFields;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springdoc.core.annotations.ParameterObject;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** Sweeps: many jobs from one specification, with their Pareto front of accuracy and synops. */
@RestController
@RequestMapping(SweepController.PATH)
class SweepController {

  static final String PATH = "/api/v1/sweeps";

  private final Sweeps sweeps;
  private final Combinations combinations;
  private final Compute compute;

  SweepController(Sweeps sweeps, Combinations combinations, Compute compute) {
    this.compute = compute;
    this.sweeps = sweeps;
    this.combinations = combinations;
  }

  /**
   * A sweep with links to its parts.
   *
   * @param sweep The sweep.
   * @param links Paths of the parts, by name.
   */
  record Resource(@JsonUnwrapped Sweep sweep, Map<String, String> links) {
    static Resource of(Sweep sweep) {
      var self = Links.to(PATH + "/" + sweep.id());
      return new Resource(sweep, Map.of("self", self, "pareto", self + "/plots/pareto"));
    }
  }

  /** Queues a job for each combination of values. */
  @PostMapping
  @ResponseStatus(HttpStatus.ACCEPTED)
  ResponseEntity<Resource> create(@RequestBody SweepSpec spec) {
    var sweep = sweeps.create(spec, combinations.of(spec));
    return ResponseEntity.accepted()
        .location(URI.create(Links.to(PATH + "/" + sweep.id())))
        .body(Resource.of(sweep));
  }

  /** Returns a sweep, its jobs and their Pareto front. */
  @GetMapping("/{id}")
  ResponseEntity<Resource> get(@PathVariable UUID id) {
    var sweep = sweeps.get(id);
    return ResponseEntity.ok().eTag(sweep.version()).body(Resource.of(sweep));
  }

  /** Lists sweeps, newest first. */
  @GetMapping
  @SelectableFields
  Page<Resource> list(@ParameterObject PageQuery page) {
    var found = sweeps.list(page.size(), page.before());
    return new Page<>(found.data().stream().map(Resource::of).toList(), found.nextCursor());
  }

  /** Cancels every unfinished job of a sweep. */
  @PostMapping("/{id}/cancel")
  @ResponseStatus(HttpStatus.ACCEPTED)
  Resource cancel(@PathVariable UUID id) {
    return Resource.of(sweeps.cancel(id));
  }

  /** Deletes a sweep and its jobs. */
  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(
      @PathVariable UUID id,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    sweeps.delete(id, IfMatch.of(ifMatch));
  }

  /** Draws accuracy against synops of a sweep's jobs, with the Pareto front. */
  @GetMapping(
      path = {"/{id}/plots/pareto", "/{id}/plots/pareto.svg"},
      produces = "image/svg+xml")
  byte[] paretoAsSvg(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable String theme,
      @RequestParam(required = false) @Nullable String at) {
    return pareto(id).svg(PlotController.theme(theme)).getBytes(StandardCharsets.UTF_8);
  }

  /** Draws accuracy against synops of a sweep's jobs, with the Pareto front. */
  @GetMapping(
      path = {"/{id}/plots/pareto", "/{id}/plots/pareto.png"},
      produces = MediaType.IMAGE_PNG_VALUE)
  byte[] paretoAsPng(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable String theme,
      @RequestParam(required = false) @Nullable String at) {
    var picture = pareto(id);
    var colours = PlotController.theme(theme);
    return compute.run(_ -> picture.png(colours));
  }

  private Picture pareto(UUID id) {
    var sweep = sweeps.get(id);
    return Plots.pareto(
        sweep.comparesHeldOut(),
        sweep.trained().stream()
            .map(point -> new Plots.Outcome(point.label(), point.synops(), point.accuracy()))
            .toList());
  }
}
