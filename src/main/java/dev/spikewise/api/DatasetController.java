package dev.spikewise.api;

import dev.spikewise.dataset.DatasetInfo;
import dev.spikewise.dataset.Datasets;
import dev.spikewise.spec.Page;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/api/v1/datasets")
class DatasetController {

  private final Datasets datasets;

  DatasetController(Datasets datasets) {
    this.datasets = datasets;
  }

  @GetMapping
  Page<DatasetInfo> list() {
    return datasets.list();
  }

  @GetMapping("/{id}")
  DatasetInfo get(@PathVariable String id) {
    return datasets.get(id);
  }
}
