package dev.spikewise.dashboard;

import dev.spikewise.job.Job;
import dev.spikewise.job.Jobs;
import dev.spikewise.model.Models;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Problem;
import dev.spikewise.spec.ProblemException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.core.io.Resource;
import org.springframework.http.HttpStatusCode;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.method.annotation.MethodArgumentTypeMismatchException;
import org.springframework.web.servlet.ModelAndView;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The dashboard's pages. They only read; their buttons and the form call the API. */
@Controller
class Pages {

  private static final int LISTED = 50;
  private static final int SPARK_POINTS = 40;
  private static final int NEWS = 200;

  private final Jobs jobs;
  private final Models models;
  private final JsonMapper mapper;
  private final Resource tutorial;

  Pages(
      Jobs jobs,
      Models models,
      JsonMapper mapper,
      @Value("classpath:tutorial.json") Resource tutorial) {
    this.jobs = jobs;
    this.models = models;
    this.mapper = mapper;
    this.tutorial = tutorial;
  }

  /**
   * A job of the list and its synops over the epochs, as points of a polyline in a box of 100 by
   * 24.
   */
  record Listed(Job job, String spark) {}

  @GetMapping("/")
  String list(@RequestParam(defaultValue = "" + Long.MAX_VALUE) long cursor, Model page) {
    var found = jobs.list(new Jobs.Filter(List.of(), Map.of(), null), LISTED, cursor);
    page.addAttribute("jobs", found.data().stream().map(this::listed).toList());
    page.addAttribute("nextCursor", found.nextCursor());
    return "list";
  }

  private Listed listed(Job job) {
    return new Listed(job, spark(jobs.epochs(job.id(), -1, 2 * SPARK_POINTS, SPARK_POINTS)));
  }

  private static String spark(List<EpochMetrics> epochs) {
    double most =
        epochs.stream().mapToDouble(EpochMetrics::synops).filter(Double::isFinite).max().orElse(0);
    int last = epochs.isEmpty() ? 0 : epochs.getLast().epoch();
    return epochs.stream()
        .filter(e -> Double.isFinite(e.synops()))
        .map(
            e ->
                String.format(
                    Locale.ROOT,
                    "%.1f,%.1f",
                    100.0 * e.epoch() / Math.max(1, last),
                    23 - 22 * e.synops() / Math.max(most, Double.MIN_NORMAL)))
        .collect(Collectors.joining(" "));
  }

  @GetMapping("/jobs/{id}")
  String job(@PathVariable UUID id, Model page) {
    var job = jobs.get(id);
    page.addAttribute("job", job);
    page.addAttribute("layers", layers(job));
    page.addAttribute(
        "changes",
        jobs.events(id, null, NEWS).stream()
            .filter(entry -> entry.event().equals("state"))
            .toList());
    page.addAttribute(
        "spec", mapper.writerWithDefaultPrettyPrinter().writeValueAsString(job.spec()));
    return "job";
  }

  private List<LayerRow> layers(Job job) {
    try {
      return LayerRow.of(models.resolve(job.spec().model()).spec(), job);
    } catch (ProblemException e) {
      // The stored model was deleted after the job ended.
      return List.of();
    }
  }

  @GetMapping("/compare")
  String compare(@RequestParam(defaultValue = "") List<UUID> id, Model page) {
    page.addAttribute("jobs", id.stream().distinct().map(jobs::get).toList());
    return "compare";
  }

  /** The form, filled in with the tutorial's job. */
  @GetMapping("/new")
  String form(Model page) throws IOException {
    var job = (ObjectNode) mapper.readTree(tutorial.getContentAsString(StandardCharsets.UTF_8));
    page.addAttribute("job", job);
    page.addAttribute("model", layerPerLine(job.get("model")));
    page.addAttribute("more", mapper.writeValueAsString(Map.of("input", job.get("input"))));
    return "new";
  }

  private static String layerPerLine(JsonNode model) {
    return model.toString().replace("{\"type\"", "\n  {\"type\"").replace("}]}", "}\n]}");
  }

  /** Tells a person rather than a program what went wrong. */
  @ControllerAdvice(assignableTypes = {Pages.class, SweepPages.class})
  @Order(Ordered.HIGHEST_PRECEDENCE)
  static class Failures {

    @ExceptionHandler
    ModelAndView problem(ProblemException e) {
      return page(e.problem());
    }

    @ExceptionHandler
    ModelAndView noSuchId(MethodArgumentTypeMismatchException e) {
      return page(
          Problem.of(Problem.Code.NOT_FOUND, "there is nothing under \"" + e.getValue() + "\""));
    }

    private static ModelAndView page(Problem problem) {
      return new ModelAndView(
          "problem", Map.of("problem", problem), HttpStatusCode.valueOf(problem.status()));
    }
  }
}
