package dev.spikewise.dashboard;

import dev.spikewise.job.JobSort;
import dev.spikewise.job.Jobs;
import dev.spikewise.model.ModelFilter;
import dev.spikewise.model.Models;
import dev.spikewise.web.LabelQuery;
import dev.spikewise.web.PageQuery;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;

/** The pages of stored models: what they are, where they came from, and which jobs used them. */
@Controller
@RequestMapping("/models")
class ModelPages {

  private static final int LISTED = 50;

  private final Models models;
  private final Jobs jobs;

  ModelPages(Models models, Jobs jobs) {
    this.models = models;
    this.jobs = jobs;
  }

  @GetMapping
  String list(
      @RequestParam(required = false) @Nullable String search,
      @RequestParam(required = false) @Nullable String label,
      @RequestParam(required = false) @Nullable String cursor,
      Model page) {
    var filter =
        new ModelFilter(
            label == null || label.isEmpty() ? Map.of() : LabelQuery.parse(List.of(label)),
            null,
            search == null || search.isBlank() ? null : search,
            null);
    var found = models.list(filter, LISTED, new PageQuery(LISTED, cursor).before());
    page.addAttribute("models", found.data());
    page.addAttribute("nextCursor", found.nextCursor());
    page.addAttribute("search", search);
    page.addAttribute("label", label);
    return "models";
  }

  @GetMapping("/{id}")
  String model(@PathVariable UUID id, Model page) {
    page.addAttribute("model", models.get(id));
    page.addAttribute("jobs", jobs.list(using(id), JobSort.NEWEST, LISTED, (String) null).data());
    return "model";
  }

  private static Jobs.Filter using(UUID model) {
    return new Jobs.Filter(
        List.of(),
        Map.of(),
        null,
        null,
        model.toString(),
        null,
        null,
        new Jobs.Range<>(null, null),
        Map.of());
  }
}
