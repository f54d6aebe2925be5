package dev.spikewise.dashboard;

import dev.spikewise.plot.Plots;
import dev.spikewise.search.Search;
import dev.spikewise.search.Searches;
import dev.spikewise.spec.SearchMetric;
import dev.spikewise.web.Links;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.io.Resource;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import tools.jackson.databind.json.JsonMapper;

/** The pages of searches. */
@Controller
@RequestMapping("/searches")
class SearchPages {

  private static final int LISTED = 50;

  private final Searches searches;
  private final JsonMapper mapper;
  private final Resource example;

  SearchPages(
      Searches searches,
      JsonMapper mapper,
      @Value("classpath:examples/createSearch/front.json") Resource example) {
    this.searches = searches;
    this.mapper = mapper;
    this.example = example;
  }

  @GetMapping
  String list(@RequestParam(defaultValue = "" + Long.MAX_VALUE) long cursor, Model page) {
    var found = searches.list(LISTED, cursor);
    page.addAttribute("searches", found.data());
    page.addAttribute("nextCursor", found.nextCursor());
    return "searches";
  }

  /**
   * The form, filled in with a small search on digits.
   *
   * @param from search to fill it in with instead
   */
  @GetMapping("/new")
  String form(@RequestParam(required = false) @Nullable UUID from, Model page) throws IOException {
    var spec = from == null ? null : searches.get(from).spec();
    page.addAttribute(
        "search",
        spec == null
            ? example.getContentAsString(StandardCharsets.UTF_8)
            : mapper.writerWithDefaultPrettyPrinter().writeValueAsString(spec));
    return "new-search";
  }

  @GetMapping("/{id}")
  String search(@PathVariable UUID id, Model page) {
    var search = searches.get(id);
    var volumes = search.hypervolume() == null ? List.<Search.Volume>of() : search.hypervolume();
    page.addAttribute("search", search);
    page.addAttribute("end", end(search.reason()));
    page.addAttribute(
        "metrics",
        search.spec() == null
            ? List.<SearchMetric>of()
            : search.spec().metrics().values().stream().distinct().toList());
    page.addAttribute(
        "compared",
        search.paretoFront().stream().map(Search.Point::job).filter(Objects::nonNull).toList());
    page.addAttribute("drawn", volumes.size());
    page.addAttribute(
        "pareto",
        Plots.pareto(
                search.drawingTitle(),
                search.drawnCost(),
                search.drawn().stream()
                    .map(
                        trial ->
                            new Plots.Outcome(
                                trial.label(),
                                trial.cost(),
                                trial.accuracy(),
                                trial.job() == null ? null : Links.base() + "/jobs/" + trial.job()))
                    .toList())
            .inline());
    page.addAttribute(
        "hypervolume",
        Plots.hypervolume(
                volumes.stream()
                    .map(volume -> new Plots.Volume(volume.epochs(), volume.value()))
                    .toList())
            .inline());
    return "search";
  }

  private static @Nullable String end(Search.@Nullable End reason) {
    return reason == null
        ? null
        : switch (reason) {
          case TRIALS -> "All trials of the budget are complete";
          case EPOCHS -> "The epochs of the budget are used up";
          case HOURS -> "The hours of the budget are used up";
          case EXHAUSTED -> "Every combination of values has been tried";
          case NO_RESULT -> "All trials failed";
          case REQUESTED -> "Cancelled on request";
          case UNREADABLE -> "The stored search cannot be read";
        };
  }
}
