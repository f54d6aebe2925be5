package dev.spikewise.api;

import dev.spikewise.dataset.DatasetInfo;
import dev.spikewise.dataset.Datasets;
import dev.spikewise.spec.Mistakes;
import dev.spikewise.spec.Page;
import java.io.IOException;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springdoc.core.annotations.ParameterObject;
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

  private final Datasets datasets;

  DatasetController(Datasets datasets) {
    this.datasets = datasets;
  }

  /**
   * Takes {@code file}, an .npz with y [n] and either x [n, ...] or spikes [n, t, ...], or {@code
   * images} and {@code labels}, IDX files that may be in gzip. Answers 200 where the same files are
   * stored already.
   */
  @PostMapping(consumes = MediaType.MULTIPART_FORM_DATA_VALUE)
  ResponseEntity<DatasetInfo> create(
      @RequestParam(required = false) @Nullable String name,
      @RequestPart(required = false) @Nullable MultipartFile file,
      @RequestPart(required = false) @Nullable MultipartFile images,
      @RequestPart(required = false) @Nullable MultipartFile labels)
      throws IOException {
    var files = new LinkedHashMap<String, MultipartFile>();
    if (file != null) {
      files.put("file", file);
    }
    if (images != null) {
      files.put("images", images);
    }
    if (labels != null) {
      files.put("labels", labels);
    }
    var mistakes = new Mistakes();
    if (name == null || name.isBlank()) {
      mistakes.in("name").add("is missing");
      name = "";
    }
    mistakes.name(name, "name");
    if (!files.keySet().equals(Set.of("file"))
        && !files.keySet().equals(Set.of("images", "labels"))) {
      mistakes.add(
          "must have either the part file (.npz) or the parts images and labels (IDX), had "
              + files.keySet());
    }
    mistakes.throwIfAny();
    var stored = datasets.create(name, files);
    var location = URI.create("/api/v1/datasets/" + stored.info().id());
    return (stored.added()
            ? ResponseEntity.created(location)
            : ResponseEntity.ok().location(location))
        .body(stored.info());
  }

  @GetMapping
  Page<DatasetInfo> list(@ParameterObject PageQuery page) {
    return datasets.list(page.size(), page.before());
  }

  @GetMapping("/{id}")
  DatasetInfo get(@PathVariable String id) {
    return datasets.get(id);
  }

  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(@PathVariable String id) {
    datasets.delete(id);
  }
}
