package dev.spikewise.api;

import dev.spikewise.chip.Deployability;
import dev.spikewise.model.Model;
import dev.spikewise.model.ModelFilter;
import dev.spikewise.model.ModelPatch;
import dev.spikewise.model.Models;
import dev.spikewise.model.Rasters;
import dev.spikewise.model.SpikeRaster;
import dev.spikewise.plot.GraphPlot;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.spec.ConversionSpec;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Page;
import dev.spikewise.web.LabelQuery;
import dev.spikewise.web.Links;
import dev.spikewise.web.MergePatch;
import dev.spikewise.web.PageQuery;
import dev.spikewise.web.SelectableFields;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springdoc.core.annotations.ParameterObject;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.BindParam;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PatchMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

@RestController
@RequestMapping("/api/v1/models")
class ModelController {

  private static final String NPZ = "application/x-npz";
  private static final String SAFETENSORS = "application/x-safetensors";
  private static final String HDF5 = "application/x-hdf5";

  private final Models models;
  private final Rasters rasters;

  ModelController(Models models, Rasters rasters) {
    this.models = models;
    this.rasters = rasters;
  }

  /** Stores a model given as JSON, as a NIR file, or as the printed form of an nn.Sequential. */
  @PostMapping(consumes = MediaType.APPLICATION_JSON_VALUE)
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<Model> create(@RequestBody ModelSpec definition) {
    return created(models.create(definition));
  }

  /** Stores a model given as JSON, as a NIR file, or as the printed form of an nn.Sequential. */
  @PostMapping(consumes = HDF5)
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<Model> createFromNir(
      @RequestBody byte[] file, @RequestParam(required = false) @Nullable String dialect) {
    return created(models.createFromNir(file, dialect));
  }

  /** Stores a model given as JSON, as a NIR file, or as the printed form of an nn.Sequential. */
  @PostMapping(consumes = MediaType.TEXT_PLAIN_VALUE)
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<Model> createFromPrinted(
      @RequestBody String printed, @RequestParam("input_shape") List<Integer> inputShape) {
    return created(models.createFromPrinted(printed, inputShape));
  }

  private static ResponseEntity<Model> created(Model model) {
    return ResponseEntity.created(URI.create(Links.to("/api/v1/models/" + model.id()))).body(model);
  }

  /** Returns a model and its weights as a NIR file. */
  @GetMapping(path = "/{id}/nir", produces = HDF5)
  byte[] nir(@PathVariable UUID id, @RequestParam(defaultValue = "sinabs") String dialect) {
    return models.nir(id, dialect);
  }

  /** Converts a trained ReLU network to a spiking one and stores it as a new model. */
  @PostMapping("/{id}/convert")
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<Model> convert(@PathVariable UUID id, @RequestBody ConversionSpec how) {
    return created(models.convert(id, how));
  }

  /** Stores the inference form of a model, without dropout and batch norms, as a new model. */
  @PostMapping("/{id}/merge")
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<Model> merge(@PathVariable UUID id) {
    return created(models.merge(id));
  }

  /** Checks layer by layer whether a model fits a chip, and lists the rules that fail. */
  @PostMapping("/{id}/deployability")
  Deployability deployability(
      @PathVariable UUID id, @RequestParam(defaultValue = "speck2f") String target) {
    return models.deployability(id, target);
  }

  /** Stores weights of a model, named as in a PyTorch state_dict. */
  @PutMapping(path = "/{id}/weights", consumes = SAFETENSORS)
  @ResponseStatus(HttpStatus.NO_CONTENT)
  ResponseEntity<Void> setSafetensors(
      @PathVariable UUID id,
      @RequestBody byte[] file,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    return changed(models.setSafetensors(id, file, IfMatch.of(ifMatch)));
  }

  /** Lists models, newest first. */
  @GetMapping
  @SelectableFields
  Page<Model> list(@ParameterObject Query query, @ParameterObject PageQuery page) {
    return models.list(query.filter(), page.size(), page.before());
  }

  /**
   * Filters of the list of models.
   *
   * @param label Only models with all of these labels, each as key:value.
   * @param name Only models with this name.
   * @param search Only models whose name contains this text, in upper or lower case.
   * @param source Only models that came from the job or model of this id.
   */
  record Query(
      @Nullable List<String> label,
      @Nullable String name,
      @Nullable String search,
      @Nullable String source) {
    ModelFilter filter() {
      return new ModelFilter(LabelQuery.parse(label), name, search, source);
    }
  }

  /** Returns a model with its size: layers, parameters, neurons and memory. */
  @GetMapping("/{id}")
  @SelectableFields
  ResponseEntity<Model> get(@PathVariable UUID id) {
    return answer(models.get(id));
  }

  /**
   * Changes the name and labels of a model. Properties that the patch leaves out stay as they are;
   * a label that is null is removed.
   */
  @PatchMapping(
      path = "/{id}",
      consumes = {MediaType.APPLICATION_JSON_VALUE, MergePatch.TYPE})
  ResponseEntity<Model> change(
      @PathVariable UUID id,
      @RequestBody MergePatch<ModelPatch> patch,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    return answer(models.change(id, IfMatch.of(ifMatch), patch::applyTo));
  }

  private static ResponseEntity<Model> answer(Model model) {
    return ResponseEntity.ok().eTag(model.version()).body(model);
  }

  /** Draws the graph of a model: its layers and what each reads. */
  @GetMapping(path = "/{id}/graph.svg", produces = "image/svg+xml")
  byte[] graph(@PathVariable UUID id, @RequestParam(required = false) @Nullable String theme) {
    return GraphPlot.of(models.definition(id).graph())
        .svg(PlotController.theme(theme))
        .getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Sample, layer and encoding of a raster.
   *
   * @param dataset Id of the data set.
   * @param sample Index of the sample in the data set; the first test sample by default, or the
   *     first sample without test samples.
   * @param layer Name of a spiking layer; the first by default.
   * @param encoding Encoding of the sample: rate, constant, latency, delta or spikes. Default:
   *     spikes for samples with a time axis, rate for others.
   * @param timeSteps Number of time steps. Default: length of the samples' time axis, or 10.
   */
  record RasterQuery(
      String dataset,
      @Nullable Integer sample,
      @Nullable String layer,
      @Nullable String encoding,
      @BindParam("time_steps") @Nullable Integer timeSteps) {

    Rasters.Choice choice(Rasters rasters) {
      if (dataset == null) {
        throw new ProblemException(
            Code.INVALID_PARAMETER,
            "dataset is missing: give the id of a data set, such as digits");
      }
      return rasters.choice(dataset, parsed(), timeSteps, sample, layer);
    }

    private InputSpec.@Nullable Encoding parsed() {
      if (encoding == null) {
        return null;
      }
      var words =
          Arrays.stream(InputSpec.Encoding.values())
              .map(value -> value.name().toLowerCase(Locale.ROOT))
              .toList();
      if (!words.contains(encoding)) {
        throw new ProblemException(
            Code.INVALID_PARAMETER,
            "encoding must be one of %s but was %s".formatted(String.join(", ", words), encoding));
      }
      return InputSpec.Encoding.valueOf(encoding.toUpperCase(Locale.ROOT));
    }
  }

  /**
   * Returns the spikes of one sample of a data set in a spiking layer of a model, by time step and
   * neuron. JSON holds at most 100,000 entries.
   */
  @GetMapping(path = "/{id}/raster", produces = MediaType.APPLICATION_JSON_VALUE)
  SpikeRaster raster(@PathVariable UUID id, @ParameterObject RasterQuery query) {
    return rasters.raster(models.network(id), query.choice(rasters));
  }

  /**
   * Returns the spikes of one sample as .npz with an array of time steps by neurons for the layer,
   * or for each spiking layer without a layer.
   */
  @GetMapping(
      path = {"/{id}/raster", "/{id}/raster.npz"},
      produces = NPZ)
  byte[] rasterNpz(@PathVariable UUID id, @ParameterObject RasterQuery query) {
    return rasters.npz(models.network(id), query.choice(rasters));
  }

  /** Draws the spikes of one sample in a spiking layer, by time step and neuron. */
  @GetMapping(path = "/{id}/raster.svg", produces = "image/svg+xml")
  byte[] rasterSvg(
      @PathVariable UUID id,
      @ParameterObject RasterQuery query,
      @RequestParam(required = false) @Nullable String theme) {
    return PlotController.raster(rasters.dense(models.network(id), query.choice(rasters)))
        .svg(PlotController.theme(theme))
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Deletes a model that no unfinished job uses. */
  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(
      @PathVariable UUID id,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    models.delete(id, IfMatch.of(ifMatch));
  }

  /** Returns a model's weights, named as in a PyTorch state_dict. */
  @GetMapping(
      path = "/{id}/weights",
      produces = {NPZ, SAFETENSORS})
  ResponseEntity<byte[]> weights(
      @PathVariable UUID id, @RequestHeader(name = "Accept", defaultValue = NPZ) String accept) {
    boolean safetensors = accept.contains(SAFETENSORS);
    return ResponseEntity.ok()
        .contentType(MediaType.parseMediaType(safetensors ? SAFETENSORS : NPZ))
        .body(safetensors ? models.safetensors(id) : models.weights(id));
  }

  /**
   * Stores weights of a model, named as in a PyTorch state_dict.
   *
   * @param byOrder Whether modules of other names that fit several layers alike are taken in the
   *     order of the layers; refused by default.
   */
  @PutMapping(path = "/{id}/weights", consumes = NPZ)
  @ResponseStatus(HttpStatus.NO_CONTENT)
  ResponseEntity<Void> setWeights(
      @PathVariable UUID id,
      @RequestBody byte[] npz,
      @RequestParam(name = "by_order", defaultValue = "false") boolean byOrder,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    return changed(models.setWeights(id, npz, byOrder, IfMatch.of(ifMatch)));
  }

  private static ResponseEntity<Void> changed(Model model) {
    return ResponseEntity.noContent().eTag(model.version()).build();
  }
}
