package dev.spikewise.api;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.spikewise.job.Evaluation;
import dev.spikewise.job.Job;
import dev.spikewise.job.JobAction;
import dev.spikewise.job.JobPatch;
import dev.spikewise.job.JobResults;
import dev.spikewise.job.Jobs;
import dev.spikewise.job.Timeline;
import dev.spikewise.model.Model;
import dev.spikewise.model.ModelPatch;
import dev.spikewise.model.Models;
import dev.spikewise.model.SpikeRaster;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Page;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.web.Links;
import dev.spikewise.web.MergePatch;
import dev.spikewise.web.PageQuery;
import dev.spikewise.web.SelectableFields;
import io.swagger.v3.oas.annotations.Parameter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springdoc.core.annotations.ParameterObject;
import org.springframework.core.io.InputStreamResource;
import org.springframework.http.ContentDisposition;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PatchMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** Training jobs. */
@RestController
@RequestMapping(JobController.PATH)
class JobController {

  static final String PATH = "/api/v1/jobs";

  private static final Pattern WAIT =
      Pattern.compile("(?:^|[,;])\\s*wait=(\\d{1,9})\\s*(?=$|[,;])");
  private static final int MAX_WAIT_SECONDS = 60;
  private static final String LAST_EVENT_ID = "Last-Event-ID";

  private final Jobs jobs;
  private final JobResults results;
  private final Models models;
  private final JobWatch watch;
  private final JobListWatch listWatch;

  JobController(
      Jobs jobs, JobResults results, Models models, JobWatch watch, JobListWatch listWatch) {
    this.jobs = jobs;
    this.results = results;
    this.models = models;
    this.watch = watch;
    this.listWatch = listWatch;
  }

  /**
   * A job with links to its parts.
   *
   * @param job The job.
   * @param links Paths of the parts, by name.
   */
  record Resource(@JsonUnwrapped Job job, Map<String, String> links) {
    static Resource of(Job job) {
      var links = new LinkedHashMap<String, String>();
      var self = Links.to(PATH + "/" + job.id());
      links.put("self", self);
      for (var part : List.of("epochs", "events", "statistics", "weights", "nir", "report")) {
        links.put(part, self + "/" + part);
      }
      return new Resource(job, links);
    }
  }

  /**
   * A job in a list, without its spec and statistics, which {@code GET /jobs/{id}} returns.
   *
   * @param job The job.
   * @param links Paths of the parts, by name.
   */
  record Item(
      @JsonUnwrapped @JsonIgnoreProperties({"spec", "baseline"}) Job job,
      Map<String, String> links) {
    static Item of(Job job) {
      return new Item(job, Resource.of(job).links());
    }
  }

  /** Queues a training job. */
  @PostMapping
  @ResponseStatus(HttpStatus.ACCEPTED)
  ResponseEntity<Resource> submit(
      @RequestBody TrainingSpec spec,
      @Parameter(hidden = true) @RequestParam(name = "dry_run", defaultValue = "false")
          String dryRun) {
    if (!dryRun.equals("false")) {
      throw new ProblemException(
          Code.INVALID_PARAMETER, "dry_run must be true or false but was " + dryRun);
    }
    var job = Resource.of(jobs.submit(spec));
    return ResponseEntity.accepted().location(URI.create(job.links().get("self"))).body(job);
  }

  /** Queues a training job. */
  @PostMapping(params = "dry_run=true")
  @ResponseStatus(HttpStatus.OK)
  Jobs.Estimate dryRun(@RequestBody TrainingSpec spec) {
    return jobs.dryRun(spec);
  }

  /**
   * Returns a job. With {@code Prefer: wait=30} the response is sent at the next change, at the
   * job's end, or after that many seconds. With {@code If-None-Match} a change is one since the
   * version of that ETag, so that none is missed between two requests.
   */
  @GetMapping("/{id}")
  @SelectableFields
  ResponseEntity<Resource> get(
      @PathVariable UUID id,
      @RequestHeader(name = "Prefer", defaultValue = "") String prefer,
      @RequestHeader(name = HttpHeaders.IF_NONE_MATCH, required = false) @Nullable String known) {
    var answer = ResponseEntity.ok();
    var wait = WAIT.matcher(prefer);
    if (wait.find()) {
      int seconds = Math.min(Integer.parseInt(wait.group(1)), MAX_WAIT_SECONDS);
      answer.header("Preference-Applied", "wait=" + seconds);
      var old = known == null ? etag(jobs.getSummary(id)) : known;
      watch.await(id, now -> old.equals(etag(now)), Duration.ofSeconds(seconds));
    }
    var job = jobs.get(id);
    return answer.eTag(etag(job)).body(Resource.of(job));
  }

  static String etag(Job job) {
    // The position of a queued job changes without a new version of the job.
    return "\"" + job.version() + (job.queue() == null ? "" : "-" + job.queue().position()) + "\"";
  }

  /** Lists jobs, newest first unless sorted otherwise. */
  @GetMapping
  @SelectableFields
  Page<Item> list(
      @ParameterObject JobQuery query,
      @ParameterObject MetricQuery metrics,
      @ParameterObject PageQuery page) {
    var found = jobs.list(query.filter(metrics), query.order(), page.size(), page.cursor());
    return new Page<>(found.data().stream().map(Item::of).toList(), found.nextCursor());
  }

  /** Streams the list of jobs and every change to it as server-sent events. */
  @GetMapping(path = "/events", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
  void stream(
      @ParameterObject JobQuery query,
      @ParameterObject MetricQuery metrics,
      @ParameterObject PageQuery page,
      @RequestHeader(name = LAST_EVENT_ID, required = false) @Nullable String last,
      HttpServletRequest request,
      HttpServletResponse response) {
    var key =
        new JobListWatch.PageKey(
            query.filter(metrics), query.order(), page.size(), page.cursor(), Links.base());
    listWatch.stream(key, last, request, response);
  }

  static int between(int least, int most, int value, String name) {
    if (value < least || value > most) {
      throw new ProblemException(
          Code.INVALID_PARAMETER,
          name + " must be between " + least + " and " + most + " but was " + value);
    }
    return value;
  }

  /** Cancels a job; the results of its last completed epoch are kept. */
  @PostMapping("/{id}/cancel")
  @ResponseStatus(HttpStatus.ACCEPTED)
  Resource cancel(@PathVariable UUID id) {
    return Resource.of(jobs.request(id, JobAction.CANCEL));
  }

  /** Pauses a job until it is resumed. */
  @PostMapping("/{id}/pause")
  @ResponseStatus(HttpStatus.ACCEPTED)
  Resource pause(@PathVariable UUID id) {
    return Resource.of(jobs.request(id, JobAction.PAUSE));
  }

  /** Resumes a paused, cancelled or failed job from its last checkpoint. */
  @PostMapping("/{id}/resume")
  @ResponseStatus(HttpStatus.ACCEPTED)
  Resource resume(@PathVariable UUID id) {
    return Resource.of(jobs.request(id, JobAction.RESUME));
  }

  /** Restarts a failed or cancelled job from its first epoch as a new attempt. */
  @PostMapping("/{id}/retry")
  @ResponseStatus(HttpStatus.ACCEPTED)
  Resource retry(@PathVariable UUID id) {
    return Resource.of(jobs.request(id, JobAction.RETRY));
  }

  /**
   * Changes a job's name, labels or priority. Properties that the patch leaves out stay as they
   * are; a label that is null is removed.
   */
  @PatchMapping(
      path = "/{id}",
      consumes = {MediaType.APPLICATION_JSON_VALUE, MergePatch.TYPE})
  ResponseEntity<Resource> change(
      @PathVariable UUID id,
      @RequestBody MergePatch<JobPatch> patch,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    var job = jobs.change(id, IfMatch.of(ifMatch), patch::applyTo);
    return ResponseEntity.ok().eTag(etag(job)).body(Resource.of(job));
  }

  /** Deletes a job that is not running, with its epochs and checkpoints. */
  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(
      @PathVariable UUID id,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    jobs.delete(id, IfMatch.of(ifMatch));
  }

  /**
   * Deletes the jobs that match and are not running, with their epochs and checkpoints. At least
   * one filter is required; the order says which are deleted first where more match.
   *
   * @param limit Maximum number of jobs to delete, 1 to 200.
   */
  @DeleteMapping
  Jobs.Deletion deleteAll(
      @ParameterObject JobQuery query,
      @ParameterObject MetricQuery metrics,
      @RequestParam(defaultValue = "200") int limit) {
    var filter = query.filter(metrics);
    if (filter.isEmpty()) {
      throw new ProblemException(
          Code.INVALID_PARAMETER,
          "at least one filter must be given, such as status=failed or label=team:vision: a request"
              + " without a filter would delete every job");
    }
    return jobs.delete(filter, query.order(), between(1, 200, limit, "limit"));
  }

  /** Lists a job's epochs, oldest first. */
  @GetMapping("/{id}/epochs")
  @SelectableFields
  Page<EpochMetrics> epochs(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable Integer after,
      @RequestParam(required = false) @Nullable Integer cursor,
      @RequestParam(defaultValue = "1000") int limit,
      @RequestParam(name = "max_points", required = false) @Nullable Integer maxPoints) {
    if (after != null && cursor != null) {
      throw new ProblemException(
          Code.INVALID_PARAMETER, "after and cursor mean the same: give one of them");
    }
    between(1, 10_000, limit, "limit");
    int last = after != null ? after : cursor != null ? cursor : -1;
    return jobs.epochPage(id, last, limit, points(maxPoints));
  }

  /** Lists a job's epochs, oldest first. */
  @GetMapping(
      path = {"/{id}/epochs", "/{id}/epochs.csv"},
      produces = "text/csv")
  InputStreamResource epochsAsCsv(
      @PathVariable UUID id,
      @RequestParam(defaultValue = "-1") int after,
      @RequestParam(defaultValue = "1000000") int limit,
      @RequestParam(name = "max_points", required = false) @Nullable Integer maxPoints) {
    var points = points(maxPoints);
    return new InputStreamResource(
        EpochCsv.stream(
            after,
            between(1, 1_000_000, limit, "limit"),
            (last, wanted) -> jobs.epochPage(id, last, wanted, points)));
  }

  private static @Nullable Integer points(@Nullable Integer maxPoints) {
    return maxPoints == null ? null : (Integer) between(2, 10_000, maxPoints, "max_points");
  }

  /** Lists a job's events, oldest first; later events continue after the last page. */
  @GetMapping("/{id}/events")
  @SelectableFields
  Page<Timeline.Entry> events(
      @PathVariable UUID id,
      @RequestParam(defaultValue = "200") int limit,
      @RequestParam(required = false) @Nullable String cursor) {
    return jobs.events(id, cursor, between(1, 1000, limit, "limit"));
  }

  /**
   * Streams a job's events as they occur, oldest first.
   *
   * @param cursor Id of the event to start after, for clients that cannot send Last-Event-ID.
   */
  @GetMapping(path = "/{id}/events", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
  void stream(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable String cursor,
      @RequestHeader(name = LAST_EVENT_ID, required = false) @Nullable String last,
      HttpServletRequest request,
      HttpServletResponse response) {
    watch.stream(id, last == null ? cursor : last, request, response);
  }

  /**
   * Stores a job's network with its trained weights as a model. The name is the job's model's when
   * absent.
   */
  @PostMapping("/{id}/model")
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<Model> createModel(
      @PathVariable UUID id, @RequestBody(required = false) @Nullable ModelPatch naming) {
    var model = models.createFromJob(id, naming == null ? ModelPatch.NONE : naming);
    return ResponseEntity.created(URI.create(Links.to("/api/v1/models/" + model.id())))
        .eTag(model.version())
        .body(model);
  }

  /**
   * Returns the accuracy per class and confusion matrix of a job's test samples after its last
   * epoch.
   */
  @GetMapping("/{id}/evaluation")
  @SelectableFields
  Evaluation evaluation(@PathVariable UUID id) {
    return results.evaluation(id);
  }

  /** Lists the predicted class of each test sample after a job's last epoch. */
  @GetMapping(path = "/{id}/predictions", produces = MediaType.APPLICATION_JSON_VALUE)
  @SelectableFields
  Page<Evaluation.Prediction> predictions(
      @PathVariable UUID id,
      @RequestParam(defaultValue = "1000") int limit,
      @RequestParam(defaultValue = "0") int cursor) {
    between(1, 10_000, limit, "limit");
    between(0, Integer.MAX_VALUE - limit, cursor, "cursor");
    var found = results.predictions(id, cursor, limit + 1);
    return found.size() <= limit
        ? new Page<>(found, null)
        : new Page<>(found.subList(0, limit), Integer.toString(cursor + limit));
  }

  /**
   * Returns the predicted class of each test sample after a job's last epoch as .npz with the
   * arrays sample, label, predicted, classes and confusion_matrix.
   */
  @GetMapping(
      path = {"/{id}/predictions", "/{id}/predictions.npz"},
      produces = "application/x-npz")
  ResponseEntity<byte[]> predictionsNpz(@PathVariable UUID id) {
    return file(id + "-predictions.npz", results.predictionsNpz(id));
  }

  /** Returns the full statistics of a job's last epoch. */
  @GetMapping("/{id}/statistics")
  Statistics statistics(@PathVariable UUID id) {
    return results.statistics(id);
  }

  /** Returns the firing rate of each neuron of a layer. */
  @GetMapping(path = "/{id}/firing-rates/{layer}", produces = MediaType.APPLICATION_JSON_VALUE)
  JobResults.FiringRates firingRates(@PathVariable UUID id, @PathVariable String layer) {
    return results.firingRates(id, layer);
  }

  /** Returns the firing rate of each neuron of a layer as .npy, in the layer's shape. */
  @GetMapping(
      path = {"/{id}/firing-rates/{layer}", "/{id}/firing-rates/{layer}.npy"},
      produces = "application/x-npy")
  ResponseEntity<byte[]> firingRatesNpy(@PathVariable UUID id, @PathVariable String layer) {
    return file(id + "-firing-rates-" + layer + ".npy", results.firingRatesNpy(id, layer));
  }

  /**
   * Returns the spikes of one sample in a spiking layer, by time step and neuron, with the trained
   * weights. JSON holds at most 100,000 entries.
   */
  @GetMapping(path = "/{id}/raster", produces = MediaType.APPLICATION_JSON_VALUE)
  SpikeRaster raster(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable Integer sample,
      @RequestParam(required = false) @Nullable String layer) {
    return results.raster(id, sample, layer);
  }

  /**
   * Returns the spikes of one sample as .npz with an array of time steps by neurons for the layer,
   * or for each spiking layer without a layer.
   */
  @GetMapping(
      path = {"/{id}/raster", "/{id}/raster.npz"},
      produces = "application/x-npz")
  ResponseEntity<byte[]> rasterNpz(
      @PathVariable UUID id,
      @RequestParam(required = false) @Nullable Integer sample,
      @RequestParam(required = false) @Nullable String layer) {
    return file(id + "-raster.npz", results.rasterNpz(id, sample, layer));
  }

  /** Returns a job's trained weights, named as in a PyTorch state_dict. */
  @GetMapping(
      path = {"/{id}/weights", "/{id}/weights.npz"},
      produces = "application/x-npz")
  ResponseEntity<byte[]> weights(@PathVariable UUID id) {
    return file(id + ".npz", results.weights(id));
  }

  /** Returns a job's trained weights, named as in a PyTorch state_dict. */
  @GetMapping(
      path = {"/{id}/weights", "/{id}/weights.safetensors"},
      produces = "application/x-safetensors")
  ResponseEntity<byte[]> safetensors(@PathVariable UUID id) {
    return file(id + ".safetensors", results.safetensors(id));
  }

  /** Returns a job's network with its trained weights as a NIR file. */
  @GetMapping(path = "/{id}/nir", produces = "application/x-hdf5")
  ResponseEntity<byte[]> nir(
      @PathVariable UUID id, @RequestParam(defaultValue = "sinabs") String dialect) {
    return file(id + ".nir", results.nir(id, dialect));
  }

  private static ResponseEntity<byte[]> file(String name, byte[] content) {
    return ResponseEntity.ok()
        .header(
            HttpHeaders.CONTENT_DISPOSITION,
            ContentDisposition.attachment().filename(name).build().toString())
        .body(content);
  }
}
