package dev.spikewise.dashboard;

import dev.spikewise.dataset.Datasets;
import java.time.Duration;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.springframework.http.CacheControl;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;

/** The pages of data sets: what was read, the balance of the classes, and samples as pictures. */
@Controller
@RequestMapping("/datasets")
class DatasetPages {

  private static final int LISTED = 50;
  private static final int EXAMPLES = 20;
  private static final int CHART_WIDTH = 600;
  private static final int CHART_HEIGHT = 80;

  private final Datasets datasets;

  DatasetPages(Datasets datasets) {
    this.datasets = datasets;
  }

  @GetMapping
  String list(@RequestParam(defaultValue = "" + Long.MAX_VALUE) long cursor, Model page) {
    var found = datasets.list(Datasets.Filter.ALL, LISTED, cursor);
    page.addAttribute("datasets", found.data());
    page.addAttribute("nextCursor", found.nextCursor());
    return "datasets";
  }

  @GetMapping("/{id}")
  String dataset(@PathVariable String id, Model page) {
    var dataset = datasets.get(id);
    page.addAttribute("dataset", dataset);
    page.addAttribute("examples", datasets.examples(id, EXAMPLES));
    var reading = dataset.reading();
    if (reading != null && reading.density().size() > 1) {
      double highest = reading.density().stream().mapToDouble(d -> d).max().orElse(0);
      int steps = reading.density().size();
      page.addAttribute("highestDensity", highest);
      page.addAttribute(
          "density",
          IntStream.range(0, steps)
              .mapToObj(
                  i ->
                      String.format(
                          Locale.ROOT,
                          "%.1f,%.1f",
                          (double) i * CHART_WIDTH / (steps - 1),
                          highest == 0
                              ? CHART_HEIGHT
                              : CHART_HEIGHT * (1 - reading.density().get(i) / highest)))
              .collect(Collectors.joining(" ")));
    }
    return "dataset";
  }

  @GetMapping(value = "/{id}/samples/{sample}.png", produces = MediaType.IMAGE_PNG_VALUE)
  ResponseEntity<byte[]> sample(@PathVariable String id, @PathVariable int sample) {
    return ResponseEntity.ok()
        .cacheControl(CacheControl.maxAge(Duration.ofHours(1)).cachePrivate())
        .body(datasets.picture(id, sample));
  }
}
