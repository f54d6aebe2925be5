package dev.spikewise.api;

import dev.spikewise.dataset.DatasetInfo;
import dev.spikewise.dataset.DatasetPatch;
import dev.spikewise.dataset.Datasets;
import dev.spikewise.dataset.Recipe;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.spec.Page;
import dev.spikewise.spec.Preparation;
import dev.spikewise.web.BodyConverter;
import dev.spikewise.web.LabelQuery;
import dev.spikewise.web.Links;
import dev.spikewise.web.MergePatch;
import dev.spikewise.web.PageQuery;
import dev.spikewise.web.SelectableFields;
import java.io.IOException;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springdoc.core.annotations.ParameterObject;
import org.springframework.core.io.InputStreamSource;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.BindParam;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.ModelAttribute;
import org.springframework.web.bind.annotation.PatchMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.multipart.MultipartFile;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

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
  private final BodyConverter bodies;
  private final JsonMapper json;

  DatasetController(Datasets datasets, Limits limits, BodyConverter bodies, JsonMapper json) {
    this.datasets = datasets;
    this.limits = limits;
    this.bodies = bodies;
    this.json = json;
  }

  /**
   * Files of a data set, and what they do not say about themselves.
   *
   * @param name Display name of the data set.
   * @param file NumPy archive (.npz) with labels y [n] and images x [n, ...] or spikes [n, t, ...],
   *     optionally with test samples x_test or spikes_test and y_test (the array names of Keras and
   *     MedMNIST are accepted too); or an HDF5 file of spike trains in the layout of SHD and SSC;
   *     or a binary batch of CIFAR.
   * @param images IDX file of training images, gzip allowed.
   * @param labels IDX file of training labels, gzip allowed.
   * @param testImages IDX file of test images, gzip allowed.
   * @param testLabels IDX file of test labels, gzip allowed.
   * @param events Zip archive with one event recording or .wav file per sample, in folders named by
   *     class, optionally below folders train and test.
   * @param timeSteps Number of frames that a recording is divided into.
   * @param height Number of rows of the camera; not used for spike trains and audio.
   * @param width Number of columns of the camera, of channels of spike trains (default 700), or of
   *     mel bands of audio (default 20).
   * @param timeUnit Unit of the times in recordings: s, ms, us or ns; derived from the file when
   *     absent, and requested when the file leaves a doubt.
   * @param columns Order of the columns in recordings without column names, such as x,y,p,t;
   *     derived from the values when absent, and requested when they leave a doubt.
   * @param layout Order of the axes of images: channels_first (default) or channels_last.
   * @param scale Number that the values of images are divided by; derived from the values when
   *     absent.
   * @param preparation JSON object with frames, step_seconds, time_window, denoise_seconds, crop,
   *     downsample, merge_polarities and augmentation.
   */
  record Upload(
      String name,
      @Nullable MultipartFile file,
      @Nullable MultipartFile images,
      @Nullable MultipartFile labels,
      @BindParam("test_images") @Nullable MultipartFile testImages,
      @BindParam("test_labels") @Nullable MultipartFile testLabels,
      @Nullable MultipartFile events,
      @BindParam("time_steps") @Nullable Integer timeSteps,
      @Nullable Integer height,
      @Nullable Integer width,
      @BindParam("time_unit") @Nullable String timeUnit,
      @Nullable String columns,
      @Nullable String layout,
      @Nullable Double scale,
      @Nullable String preparation) {

    // Null when the part is missing, which is reported together with all other mistakes.
    @SuppressWarnings("NullAway")
    Upload {
      name = name == null ? "" : name;
    }

    Map<String, InputStreamSource> files() {
      var files = new LinkedHashMap<String, InputStreamSource>();
      put(files, "file", file);
      put(files, "images", images);
      put(files, "labels", labels);
      put(files, "test_images", testImages);
      put(files, "test_labels", testLabels);
      put(files, "events", events);
      return files;
    }
  }

  /**
   * Stores a data set. It holds images, spikes or event recordings. The answer states what was
   * assumed and left out when the files were read. Answers 200 where the same files with the same
   * recipe are stored already.
   */
  @PostMapping(consumes = MediaType.MULTIPART_FORM_DATA_VALUE)
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<DatasetInfo> create(@ModelAttribute Upload upload) throws IOException {
    var mistakes = new Mistakes();
    var name = upload.name();
    mistakes.require(!name.isBlank(), "name", "is missing");
    mistakes.name(name, "name");
    limits.checkName(name, mistakes);
    var files = upload.files();
    if (!PARTS.contains(files.keySet())) {
      mistakes.add(
          "must have either the part file (.npz, .h5), or events (.zip), or images and"
              + " labels (IDX), optionally with test_images and test_labels, but had "
              + files.keySet());
    }
    var recipe = recipe(upload);
    recipe.check(files.keySet(), mistakes);
    mistakes.throwIfAny();
    var part = Datasets.part(recipe);
    files.put(part.getKey(), part.getValue());
    var stored = datasets.create(name, files);
    var location = URI.create(Links.to("/api/v1/datasets/" + stored.info().id()));
    return (stored.added()
            ? ResponseEntity.created(location)
            : ResponseEntity.ok().location(location))
        .body(stored.info());
  }

  private Recipe recipe(Upload upload) {
    return new Recipe(
        upload.timeSteps(),
        upload.height(),
        upload.width(),
        upload.timeUnit(),
        upload.columns(),
        upload.layout(),
        upload.scale(),
        upload.preparation() == null ? Preparation.NONE : preparation(upload.preparation()));
  }

  private Preparation preparation(String text) {
    try {
      return bodies.bind(json.readTree(text), json.constructType(Preparation.class));
    } catch (JacksonException e) {
      throw new InvalidSpecException(
          "/preparation", "must be a JSON object: " + e.getOriginalMessage());
    } catch (InvalidSpecException e) {
      throw new InvalidSpecException(
          e.mistakes().stream()
              .map(mistake -> new Mistake("/preparation" + mistake.pointer(), mistake.detail()))
              .toList());
    }
  }

  private static void put(
      Map<String, InputStreamSource> files, String part, @Nullable MultipartFile file) {
    if (file != null) {
      files.put(part, file);
    }
  }

  /** Lists data sets, newest first; the bundled data set `digits` comes last. */
  @GetMapping
  @SelectableFields
  Page<DatasetInfo> list(@ParameterObject Query query, @ParameterObject PageQuery page) {
    return datasets.list(query.filter(), page.size(), page.before());
  }

  /**
   * Filters of the list of data sets.
   *
   * @param label Only data sets with all of these labels, each as key:value.
   * @param name Only data sets with this name.
   * @param search Only data sets whose name contains this text, in upper or lower case.
   */
  record Query(@Nullable List<String> label, @Nullable String name, @Nullable String search) {
    Datasets.Filter filter() {
      return new Datasets.Filter(LabelQuery.parse(label), name, search);
    }
  }

  /** Returns a data set without its samples. */
  @GetMapping("/{id}")
  ResponseEntity<DatasetInfo> get(@PathVariable String id) {
    return answer(datasets.get(id));
  }

  /**
   * Changes the name and labels of a data set. Properties that the patch leaves out stay as they
   * are; a label that is null is removed.
   */
  @PatchMapping(
      path = "/{id}",
      consumes = {MediaType.APPLICATION_JSON_VALUE, MergePatch.TYPE})
  ResponseEntity<DatasetInfo> change(
      @PathVariable String id,
      @RequestBody MergePatch<DatasetPatch> patch,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    return answer(datasets.change(id, IfMatch.of(ifMatch), patch::applyTo));
  }

  private static ResponseEntity<DatasetInfo> answer(DatasetInfo info) {
    return ResponseEntity.ok().eTag(info.version()).body(info);
  }

  /** Deletes a data set that no unfinished job uses. */
  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(
      @PathVariable String id,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    datasets.delete(id, IfMatch.of(ifMatch));
  }
}
