package dev.spikewise.api;

import dev.spikewise.model.Model;
import dev.spikewise.model.Models;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Page;
import java.net.URI;
import java.util.UUID;
import org.springdoc.core.annotations.ParameterObject;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/api/v1/models")
class ModelController {

  private static final String NPZ = "application/x-npz";

  private final Models models;

  ModelController(Models models) {
    this.models = models;
  }

  @PostMapping(consumes = MediaType.APPLICATION_JSON_VALUE)
  ResponseEntity<Model> create(@RequestBody ModelSpec definition) {
    var model = models.create(definition);
    return ResponseEntity.created(URI.create("/api/v1/models/" + model.id())).body(model);
  }

  @GetMapping
  Page<Model> list(@ParameterObject PageQuery page) {
    return models.list(page.size(), page.before());
  }

  @GetMapping("/{id}")
  Model get(@PathVariable UUID id) {
    return models.get(id);
  }

  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(@PathVariable UUID id) {
    models.delete(id);
  }

  @GetMapping(path = "/{id}/weights", produces = NPZ)
  byte[] weights(@PathVariable UUID id) {
    return models.weights(id);
  }

  @PutMapping(path = "/{id}/weights", consumes = NPZ)
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void setWeights(@PathVariable UUID id, @RequestBody byte[] npz) {
    models.setWeights(id, npz);
  }
}
