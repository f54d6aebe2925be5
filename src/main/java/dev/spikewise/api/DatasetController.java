package dev.spikewise.api;

import dev.spikewise.dataset.DatasetInfo;
import dev.spikewise.dataset.Datasets;
import dev.spikewise.dataset.Framing;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Page;
import dev.spikewise.web.PageQuery;
import java.io.IOException;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springdoc.core.annotations.ParameterObject;
import org.springframework.core.io.InputStreamSource;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RequestPart;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.multipart.MultipartFile;

@RestController
@RequestMapping("/api/v1/datasets")
class DatasetController {

  private static final Set<Set<String>> PARTS =
      Set.of(
          Set.of("file"),
          Set.of("events"),
          Set.of("images", "labels"),
          Set.of("images", "labels", "test_images", "test_labels"));

  private final Datasets datasets;
  private final Limits limits;

  DatasetController(Datasets datasets, Limits limits) {
    this.datasets = datasets;
    this.limits = limits;
  }

  /**
   * Stores a data set. Takes {@code file}, an .npz with y [n] and either x [n, ...] or spikes [n,
   * t, ...], or {@code images} and {@code labels}, IDX files that may be in gzip. A test split of
   * its own comes as x_test or spikes_test with y_test, or as {@code test_images} and {@code
   * test_labels}. Or takes {@code events}, a zip of event recordings (.bin of N-MNIST, .npy, .h5)
   * in folders named by label, and counts them into {@code time_steps} frames of {@code height} x
   * {@code width}. Answers 200 where the same files are stored already.
   */
  @PostMapping(consumes = MediaType.MULTIPART_FORM_DATA_VALUE)
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<DatasetInfo> create(
      @RequestParam(required = false) @Nullable String name,
      @RequestPart(required = false) @Nullable MultipartFile file,
      @RequestPart(required = false) @Nullable MultipartFile images,
      @RequestPart(required = false) @Nullable MultipartFile labels,
      @RequestPart(required = false) @Nullable MultipartFile events,
      @RequestParam(name = "time_steps", required = false) @Nullable Integer timeSteps,
      @RequestParam(required = false) @Nullable Integer height,
      @RequestParam(required = false) @Nullable Integer width,
      @RequestPart(name = "test_images", required = false) @Nullable MultipartFile testImages,
      @RequestPart(name = "test_labels", required = false) @Nullable MultipartFile testLabels)
      throws IOException {
    var files = new LinkedHashMap<String, MultipartFile>();
    put(files, "file", file);
    put(files, "images", images);
    put(files, "labels", labels);
    put(files, "events", events);
    put(files, "test_images", testImages);
    put(files, "test_labels", testLabels);
    var mistakes = new Mistakes();
    if (name == null || name.isBlank()) {
      mistakes.in("name").add("is missing");
      name = "";
    }
    mistakes.name(name, "name");
    limits.checkName(name, mistakes);
    if (!PARTS.contains(files.keySet())) {
      mistakes.add(
          "must have either the part file (.npz), or events (.zip), or the parts images and labels"
              + " (IDX) and with them test_images and test_labels or not, had "
              + files.keySet());
    }
    var parts = new LinkedHashMap<String, InputStreamSource>(files);
    if (events != null) {
      parts.put("framing", Framing.of(timeSteps, height, width, mistakes).part());
    }
    mistakes.throwIfAny();
    var stored = datasets.create(name, parts);
    var location = URI.create("/api/v1/datasets/" + stored.info().id());
    return (stored.added()
            ? ResponseEntity.created(location)
            : ResponseEntity.ok().location(location))
        .body(stored.info());
  }

  private static void put(
      Map<String, MultipartFile> files, String part, @Nullable MultipartFile file) {
    if (file != null) {
      files.put(part, file);
    }
  }

  /** Data sets, the newest first, then the one that is always there. */
  @GetMapping
  Page<DatasetInfo> list(@ParameterObject PageQuery page) {
    return datasets.list(page.size(), page.before());
  }

  /** A data set. */
  @GetMapping("/{id}")
  DatasetInfo get(@PathVariable String id) {
    return datasets.get(id);
  }

  /** Deletes a data set that no job uses. */
  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(@PathVariable String id) {
    datasets.delete(id);
  }
}
