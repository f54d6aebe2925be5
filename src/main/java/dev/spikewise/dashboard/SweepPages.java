package dev.spikewise.dashboard;

import dev.spikewise.job.JobState;
import dev.spikewise.plot.Picture;
import dev.spikewise.plot.Plots;
import dev.spikewise.sweep.Sweep;
import dev.spikewise.sweep.Sweeps;
import dev.spikewise.web.Links;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
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

/** The pages of sweeps. */
@Controller
@RequestMapping("/sweeps")
class SweepPages {

  private static final int LISTED = 50;

  private final Sweeps sweeps;

  private final JsonMapper mapper;
  private final Resource tutorial;

  SweepPages(
      Sweeps sweeps, JsonMapper mapper, @Value("classpath:tutorial.json") Resource tutorial) {
    this.sweeps = sweeps;
    this.mapper = mapper;
    this.tutorial = tutorial;
  }

  @GetMapping
  String list(@RequestParam(defaultValue = "" + Long.MAX_VALUE) long cursor, Model page) {
    var found = sweeps.list(LISTED, cursor);
    page.addAttribute("sweeps", found.data());
    page.addAttribute("nextCursor", found.nextCursor());
    return "sweeps";
  }

  /**
   * The form, filled in with a small sweep over the target.
   *
   * @param from sweep to fill it in with instead
   */
  @GetMapping("/new")
  String form(@RequestParam(required = false) @Nullable UUID from, Model page) throws IOException {
    var spec = from == null ? null : sweeps.get(from).spec();
    page.addAttribute(
        "job",
        spec == null
            ? tutorial.getContentAsString(StandardCharsets.UTF_8)
            : mapper.writerWithDefaultPrettyPrinter().writeValueAsString(spec.job()));
    page.addAttribute("name", spec == null ? "Synops targets" : spec.name());
    page.addAttribute(
        "over",
        spec == null
            ? "loss/0/target/baseline_multiple = 2, 1.5, 1.2"
            : spec.over().entrySet().stream().map(this::line).collect(Collectors.joining("\n")));
    page.addAttribute(
        "seeds",
        spec == null
            ? "1, 2"
            : spec.seeds().stream().map(String::valueOf).collect(Collectors.joining(", ")));
    page.addAttribute(
        "rounds", spec == null || spec.halving() == null ? null : spec.halving().rounds());
    return "new-sweep";
  }

  private String line(Map.Entry<String, List<@Nullable Object>> varied) {
    var values = mapper.writeValueAsString(varied.getValue());
    return varied.getKey() + " = " + values.substring(1, values.length() - 1).replace(",", ", ");
  }

  @GetMapping("/{id}")
  String sweep(@PathVariable UUID id, Model page) {
    var sweep = sweeps.get(id);
    var front = sweep.paretoFront().stream().map(Sweep.Point::job).collect(Collectors.toSet());
    page.addAttribute("sweep", sweep);
    page.addAttribute("front", front);
    page.addAttribute(
        "pareto",
        Plots.pareto(
                sweep.comparesHeldOut(),
                sweep.trained().stream()
                    .map(
                        point ->
                            new Plots.Outcome(
                                point.label(), point.synops(), point.accuracy(), job(point.job())))
                    .toList())
            .inline());
    page.addAttribute("parallel", parallel(sweep, front).inline());
    return "sweep";
  }

  private static String job(UUID id) {
    return Links.base() + "/jobs/" + id;
  }

  /** The values in which the jobs of a sweep differ, and what they reached. */
  private static Picture parallel(Sweep sweep, Set<UUID> front) {
    var parts =
        sweep.jobs().stream()
            .filter(part -> part.id() != null && part.status() == JobState.SUCCEEDED)
            .toList();
    var paths =
        parts.stream()
            .flatMap(part -> part.values().keySet().stream())
            .distinct()
            .filter(
                path -> parts.stream().map(part -> part.values().get(path)).distinct().count() > 1)
            .toList();
    var axes = new ArrayList<>(paths.stream().map(SweepPages::lastWord).toList());
    boolean heldOut = sweep.comparesHeldOut();
    axes.addAll(
        heldOut
            ? List.of("synops per test sample", "test accuracy")
            : List.of("synops per sample", "accuracy"));
    var runs =
        parts.stream()
            .map(
                part -> {
                  var values = new ArrayList<@Nullable Object>();
                  paths.forEach(path -> values.add(part.values().get(path)));
                  values.add(heldOut ? part.testSynops() : part.synops());
                  values.add(heldOut ? part.testAccuracy() : part.accuracy());
                  var id = Objects.requireNonNull(part.id());
                  return new Plots.Run(part.label(), job(id), values, front.contains(id));
                })
            .toList();
    return Plots.parallel(axes, runs);
  }

  private static String lastWord(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }
}
