package dev.spikewise.dashboard;

import dev.spikewise.job.Job;
import dev.spikewise.job.JobResults;
import dev.spikewise.job.JobSort;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Jobs;
import dev.spikewise.model.ModelSummary;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.web.LabelQuery;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.io.Resource;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.ModelAttribute;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.util.UriComponentsBuilder;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The dashboard's pages. They only read; their buttons and the form call the API. */
@Controller
class Pages {

  private static final int LISTED = 50;
  private static final int SPARK_POINTS = 40;

  private final Jobs jobs;
  private final JobResults results;
  private final JsonMapper mapper;
  private final Resource tutorial;

  Pages(
      Jobs jobs,
      JobResults results,
      JsonMapper mapper,
      @Value("classpath:tutorial.json") Resource tutorial) {
    this.jobs = jobs;
    this.results = results;
    this.mapper = mapper;
    this.tutorial = tutorial;
  }

  /** A job of the list. */
  record Listed(Job job, Spark spark) {}

  /** What the list can be narrowed to, with the number of such jobs. */
  record Choice(String word, List<JobState> states, long count) {}

  /**
   * Query of the list of jobs.
   *
   * @param show state, as one of the choices
   * @param search part of the name
   * @param label key:value
   * @param sort as the API takes it
   */
  record Query(
      @Nullable String show,
      @Nullable String search,
      @Nullable String label,
      @Nullable String sort,
      @Nullable String cursor) {

    Query {
      // An empty field of the form.
      search = search == null || search.isBlank() ? null : search;
    }

    /** Address of the same list in another order: the other way round where it is in this one. */
    public String sorted(String base, String key) {
      return address(base, key.equals(sort) ? key.substring(1) : key, show, null);
    }

    /** Address of the same list with other states. */
    public String showing(String base, @Nullable String states) {
      return address(base, sort, states, null);
    }

    /** Address of the page after {@code cursor}. */
    public String after(String base, String next) {
      return address(base, sort, show, next);
    }

    /** For aria-sort of the column of {@code key}, which has a hyphen. */
    public @Nullable String direction(String key) {
      return key.equals(sort) ? "descending" : key.substring(1).equals(sort) ? "ascending" : null;
    }

    private String address(
        String base, @Nullable String sort, @Nullable String show, @Nullable String cursor) {
      var address = UriComponentsBuilder.fromPath(base + "/");
      put(address, "show", show);
      put(address, "search", search);
      put(address, "label", label);
      put(address, "sort", sort);
      put(address, "cursor", cursor);
      return address.encode().build().toUriString();
    }

    private static void put(UriComponentsBuilder address, String name, @Nullable String value) {
      if (value != null && !value.isEmpty()) {
        address.queryParam(name, "{" + name + "}").uriVariables(Map.of(name, value));
      }
    }

    boolean isNarrowed() {
      return isGiven(show) || isGiven(search) || isGiven(label);
    }

    private static boolean isGiven(@Nullable String text) {
      return text != null && !text.isEmpty();
    }
  }

  @GetMapping("/")
  String list(@ModelAttribute("query") Query query, Model page) {
    var choices = choices();
    var states =
        choices.stream()
            .filter(choice -> choice.word().equals(query.show()))
            .findAny()
            .map(Choice::states)
            .orElse(List.of());
    var filter =
        new Jobs.Filter(
            states,
            query.label() == null || query.label().isEmpty()
                ? Map.of()
                : LabelQuery.parse(List.of(query.label())),
            null,
            query.search(),
            null,
            null,
            null,
            new Jobs.Range<>(null, null),
            Map.of());
    var sort =
        query.sort() == null || query.sort().isEmpty()
            ? JobSort.NEWEST
            : JobSort.parse(query.sort());
    var found = jobs.list(filter, sort, LISTED, query.cursor());
    page.addAttribute("jobs", found.data().stream().flatMap(this::listed).toList());
    page.addAttribute("nextCursor", found.nextCursor());
    page.addAttribute("choices", choices);
    page.addAttribute("show", query.show() == null ? "" : query.show());
    page.addAttribute("narrowed", query.isNarrowed());
    return "list";
  }

  private List<Choice> choices() {
    return Stream.of(
            new Choice(
                "running", List.of(JobState.RUNNING, JobState.PAUSING, JobState.CANCELLING), 0),
            new Choice("queued", List.of(JobState.QUEUED), 0),
            new Choice("paused", List.of(JobState.PAUSED), 0),
            new Choice("succeeded", List.of(JobState.SUCCEEDED), 0),
            new Choice("failed", List.of(JobState.FAILED), 0),
            new Choice("cancelled", List.of(JobState.CANCELLED), 0))
        .map(
            choice ->
                new Choice(
                    choice.word(),
                    choice.states(),
                    choice.states().stream().mapToLong(jobs::count).sum()))
        .toList();
  }

  /** Empty for a job that was deleted after the list was read. */
  private Stream<Listed> listed(Job job) {
    try {
      var epochs = jobs.epochs(job.id(), -1, 2 * SPARK_POINTS, SPARK_POINTS);
      return Stream.of(new Listed(job, Spark.of(epochs, job.targetSynops())));
    } catch (ProblemException e) {
      if (e.problem().code() == Code.NOT_FOUND) {
        return Stream.empty();
      }
      throw e;
    }
  }

  @GetMapping("/jobs/{id}")
  String job(@PathVariable UUID id, Model page) {
    // Read first, so that no event is lost between the state that the page shows and the start of
    // its stream.
    page.addAttribute("lastEvent", jobs.lastEvent(id));
    var job = jobs.get(id);
    var model = ModelSummary.of(results.model(id));
    page.addAttribute("job", job);
    page.addAttribute("model", model);
    page.addAttribute("layers", LayerRow.of(model, job));
    page.addAttribute("limits", job.spec() == null ? List.of() : Limit.of(job.spec()));
    boolean evaluated = results.isEvaluated(id);
    page.addAttribute("evaluation", evaluated ? results.evaluation(id) : null);
    page.addAttribute("overTime", evaluated ? results.statistics(id).overTime() : null);
    page.addAttribute("changes", jobs.stateChanges(id).reversed());
    page.addAttribute(
        "spec", mapper.writerWithDefaultPrettyPrinter().writeValueAsString(job.spec()));
    return "job";
  }

  @GetMapping("/compare")
  String compare(@RequestParam(defaultValue = "") List<UUID> id, Model page) {
    // Spring converts a blank id to null.
    if (id.stream().anyMatch(Objects::isNull)) {
      throw new ProblemException(Code.INVALID_PARAMETER, "id must be the id of a job, not blank");
    }
    var compared = id.stream().distinct().map(jobs::get).toList();
    page.addAttribute("jobs", compared);
    page.addAttribute(
        "differences",
        SpecDifference.between(
            compared.stream().map(job -> mapper.<JsonNode>valueToTree(job.spec())).toList()));
    return "compare";
  }

  /**
   * The form, filled in with the tutorial's job.
   *
   * @param from job to fill it in with instead
   */
  @GetMapping("/new")
  String form(@RequestParam(required = false) @Nullable UUID from, Model page) throws IOException {
    var job = (ObjectNode) mapper.readTree(tutorial.getContentAsString(StandardCharsets.UTF_8));
    page.addAttribute("job", job);
    page.addAttribute("model", layerPerLine(job.get("model")));
    page.addAttribute("more", mapper.writeValueAsString(Map.of("input", job.get("input"))));
    if (from != null) {
      // The field that overrides the others contains the whole specification.
      page.addAttribute("from", jobs.get(from));
      page.addAttribute(
          "more",
          mapper.writerWithDefaultPrettyPrinter().writeValueAsString(jobs.get(from).spec()));
    }
    return "new";
  }

  private static String layerPerLine(JsonNode model) {
    return model.toString().replace("{\"type\"", "\n  {\"type\"").replace("}]}", "}\n]}");
  }
}
