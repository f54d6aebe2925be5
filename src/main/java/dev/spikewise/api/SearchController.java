package dev.spikewise.api;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.spikewise.compute.Compute;
import dev.spikewise.plot.Picture;
import dev.spikewise.plot.Plots;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.search.Search;
import dev.spikewise.search.Searches;
import dev.spikewise.spec.Page;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.web.Links;
import dev.spikewise.web.PageQuery;
import dev.spikewise.web.SelectableFields;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
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

/** Searches: trials of a job whose values are proposed from the results of earlier trials. */
@RestController
@RequestMapping(SearchController.PATH)
class SearchController {

  static final String PATH = "/api/v1/searches";

  private final Searches searches;
  private final Combinations combinations;
  private final Compute compute;

  SearchController(Searches searches, Combinations combinations, Compute compute) {
    this.searches = searches;
    this.combinations = combinations;
    this.compute = compute;
  }

  /**
   * A search with links to its parts.
   *
   * @param search The search.
   * @param links Paths of the parts, by name.
   */
  record Resource(@JsonUnwrapped Search search, Map<String, String> links) {
    static Resource of(Search search) {
      var self = Links.to(PATH + "/" + search.id());
      return new Resource(
          search,
          Map.of(
              "self", self,
              "pareto", self + "/plots/pareto",
              "hypervolume", self + "/plots/hypervolume"));
    }
  }

  /** Checks a search and queues its first generation of trials. */
  @PostMapping
  @ResponseStatus(HttpStatus.ACCEPTED)
  ResponseEntity<Resource> create(@RequestBody SearchSpec spec) {
    var search = searches.create(spec, combinations.of(spec));
    return ResponseEntity.accepted()
        .location(URI.create(Links.to(PATH + "/" + search.id())))
        .body(Resource.of(search));
  }

  /** Returns a search, its trials, rungs, Pareto front and hypervolume. */
  @GetMapping("/{id}")
  ResponseEntity<Resource> get(@PathVariable UUID id) {
    var search = searches.get(id);
    return ResponseEntity.ok().eTag(search.version()).body(Resource.of(search));
  }

  /** Lists searches, newest first. */
  @GetMapping
  @SelectableFields
  Page<Resource> list(@ParameterObject PageQuery page) {
    var found = searches.list(page.size(), page.before());
    return new Page<>(found.data().stream().map(Resource::of).toList(), found.nextCursor());
  }

  /** Cancels every unfinished trial of a search, which proposes no further ones. */
  @PostMapping("/{id}/cancel")
  @ResponseStatus(HttpStatus.ACCEPTED)
  Resource cancel(@PathVariable UUID id) {
    return Resource.of(searches.cancel(id));
  }

  /** Deletes a search and its jobs. */
  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(
      @PathVariable UUID id,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    searches.delete(id, IfMatch.of(ifMatch));
  }

  /** Draws the first objective against the last one, with the Pareto front. */
  @GetMapping(
      path = {"/{id}/plots/pareto", "/{id}/plots/pareto.svg"},
      produces = "image/svg+xml")
  byte[] paretoAsSvg(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable String theme,
      @RequestParam(required = false) @Nullable String at) {
    return svg(pareto(id), theme);
  }

  /** Draws the first objective against the last one, with the Pareto front. */
  @GetMapping(
      path = {"/{id}/plots/pareto", "/{id}/plots/pareto.png"},
      produces = MediaType.IMAGE_PNG_VALUE)
  byte[] paretoAsPng(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable String theme,
      @RequestParam(required = false) @Nullable String at) {
    return png(pareto(id), theme);
  }

  /** Draws the hypervolume over the trained epochs. */
  @GetMapping(
      path = {"/{id}/plots/hypervolume", "/{id}/plots/hypervolume.svg"},
      produces = "image/svg+xml")
  byte[] hypervolumeAsSvg(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable String theme,
      @RequestParam(required = false) @Nullable String at) {
    return svg(hypervolume(id), theme);
  }

  /** Draws the hypervolume over the trained epochs. */
  @GetMapping(
      path = {"/{id}/plots/hypervolume", "/{id}/plots/hypervolume.png"},
      produces = MediaType.IMAGE_PNG_VALUE)
  byte[] hypervolumeAsPng(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable String theme,
      @RequestParam(required = false) @Nullable String at) {
    return png(hypervolume(id), theme);
  }

  private static byte[] svg(Picture picture, @Nullable String theme) {
    return picture.svg(PlotController.theme(theme)).getBytes(StandardCharsets.UTF_8);
  }

  private byte[] png(Picture picture, @Nullable String theme) {
    var colours = PlotController.theme(theme);
    return compute.run(_ -> picture.png(colours));
  }

  private Picture pareto(UUID id) {
    var search = searches.get(id);
    return Plots.pareto(
        search.drawingTitle(),
        search.drawnCost(),
        search.drawn().stream()
            .map(trial -> new Plots.Outcome(trial.label(), trial.cost(), trial.accuracy()))
            .toList());
  }

  private Picture hypervolume(UUID id) {
    var volumes = searches.get(id).hypervolume();
    return Plots.hypervolume(
        volumes == null
            ? List.of()
            : volumes.stream()
                .map(volume -> new Plots.Volume(volume.epochs(), volume.value()))
                .toList());
  }
}
