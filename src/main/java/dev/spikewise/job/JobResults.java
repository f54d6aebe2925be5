package dev.spikewise.job;

import dev.spikewise.compute.Compute;
import dev.spikewise.interop.Safetensors;
import dev.spikewise.model.Models;
import dev.spikewise.model.Rasters;
import dev.spikewise.model.SpikeRaster;
import dev.spikewise.model.TrainedNetworks;
import dev.spikewise.problem.Problem;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.snn.Checkpoint;
import dev.spikewise.snn.Predictions;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.snn.transform.Channels;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Statistics;
import dev.spikewise.tenant.Tenants;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/**
 * What jobs have computed so far: statistics, weights and predictions as of the last checkpoint.
 */
@Service
public class JobResults implements TrainedNetworks {

  private final JobRepository jobs;
  private final Checkpoints checkpoints;
  private final Documents documents;
  private final Tenants tenants;
  private final Rasters rasters;
  private final Compute compute;

  JobResults(
      JobRepository jobs,
      Checkpoints checkpoints,
      Documents documents,
      Tenants tenants,
      Rasters rasters,
      Compute compute) {
    this.rasters = rasters;
    this.jobs = jobs;
    this.checkpoints = checkpoints;
    this.documents = documents;
    this.tenants = tenants;
    this.compute = compute;
  }

  /**
   * Full statistics of the last checkpoint, which is the last epoch once the job has ended; the
   * baseline before the first checkpoint.
   */
  @Transactional(readOnly = true)
  public Statistics statistics(UUID id) {
    var row = find(id);
    return checkpoints
        .statistics(id)
        .or(() -> hasTrained(row) ? Optional.empty() : documents.baseline(id))
        .orElseThrow(() -> missing(row, "statistics"));
  }

  /**
   * Firing rates of the neurons of a spiking layer, in spikes per time step.
   *
   * @param shape Shape of the layer, (C, H, W) or (features).
   * @param data Firing rate of each neuron, in row-major order.
   * @param layer Name of the spiking layer.
   */
  public record FiringRates(String layer, int[] shape, float[] data) {}

  /** Firing rates as of the last checkpoint. */
  @Transactional(readOnly = true)
  public FiringRates firingRates(UUID id, String layer) {
    var row = find(id);
    var rates =
        checkpoints.firingRates(id).orElseThrow(() -> missing(row, "firing rates")).get(layer);
    if (rates == null) {
      throw ProblemException.notFound("spiking layer", layer);
    }
    return new FiringRates(layer, rates.shape(), rates.floats());
  }

  /** Returns the same firing rates as a .npy file. */
  @Transactional(readOnly = true)
  public byte[] firingRatesNpy(UUID id, String layer) {
    var rates = firingRates(id, layer);
    return Checkpoints.npy(new Tensor(rates.shape(), rates.data()));
  }

  /** Weights of the last checkpoint as an .npz file: the trained weights once the job has ended. */
  public byte[] weights(UUID id) {
    find(id);
    return compute.run(_ -> Checkpoints.npz(reached(id).weights().tensors()));
  }

  /** Returns the same weights as a safetensors file. */
  public byte[] safetensors(UUID id) {
    find(id);
    return compute.run(_ -> Safetensors.write(reached(id).weights()));
  }

  /** The network with the same weights as a NIR file for {@code dialect}'s importer. */
  public byte[] nir(UUID id, String dialect) {
    var row = find(id);
    return compute.run(
        _ -> {
          var reached = reached(id);
          return Models.nir(network(row, reached).spec(), reached.weights(), dialect);
        });
  }

  @Override
  @Transactional(readOnly = true)
  public Optional<Models.Network> trained(UUID job) {
    return jobs.findById(job)
        .filter(row -> tenants.sees(row.tenant()))
        .map(row -> network(row, reached(row)));
  }

  /**
   * Classification results on the test samples after the last checkpoint, which is the last epoch
   * once the job has ended.
   */
  @Transactional(readOnly = true)
  public Evaluation evaluation(UUID id) {
    return Evaluation.of(predictions(id));
  }

  /** Whether the job has an {@link #evaluation}. */
  @Transactional(readOnly = true)
  public boolean isEvaluated(UUID id) {
    find(id);
    return checkpoints.predictions(id).isPresent();
  }

  /**
   * Predictions of at most {@code limit} test samples, in the order of the test samples.
   *
   * @param from number of test samples before the first
   */
  @Transactional(readOnly = true)
  public List<Evaluation.Prediction> predictions(UUID id, int from, int limit) {
    var all = predictions(id);
    return IntStream.range(Math.min(from, all.samples().length), all.samples().length)
        .limit(limit)
        .mapToObj(
            i -> new Evaluation.Prediction(all.samples()[i], all.labels()[i], all.predicted()[i]))
        .toList();
  }

  /** Predictions of all test samples and the confusion matrix as an .npz file. */
  @Transactional(readOnly = true)
  public byte[] predictionsNpz(UUID id) {
    var all = predictions(id);
    int[][] matrix = Evaluation.matrix(all);
    var flat = new float[matrix.length * matrix.length];
    for (int i = 0; i < flat.length; i++) {
      flat[i] = matrix[i / matrix.length][i % matrix.length];
    }
    var arrays = Checkpoints.tensors(all);
    arrays.put("confusion_matrix", new Tensor(new int[] {matrix.length, matrix.length}, flat));
    return Checkpoints.npz(arrays);
  }

  private Predictions predictions(UUID id) {
    var row = find(id);
    return checkpoints
        .predictions(id)
        .orElseThrow(
            () ->
                hasTrained(row) && checkpoints.latestEpoch(id) == 0
                    ? missing(row, "predictions")
                    : new ProblemException(
                        Problem.Code.NOT_FOUND,
                        row.epoch() == 0
                            ? "job "
                                + id
                                + " has no predictions yet: its first epoch is not complete"
                            : ("job %s has no predictions: they need test samples with labels, from"
                                    + " a data set's own test split or test_fraction")
                                .formatted(id)));
  }

  /**
   * Spikes of one sample in a layer of the network, with the weights of the last checkpoint.
   *
   * @param sample index of the sample in its data set; null for the first test or training sample
   * @param layer name of a spiking layer; null for the first
   */
  public SpikeRaster raster(UUID id, @Nullable Integer sample, @Nullable String layer) {
    return rasters.raster(weighted(id), choice(id, sample, layer));
  }

  /** Returns the same spikes for a drawing. */
  public Rasters.Dense rasterArray(UUID id, @Nullable Integer sample, @Nullable String layer) {
    return rasters.dense(weighted(id), choice(id, sample, layer));
  }

  /** Returns the spikes of a sample in one layer, or in all, as an .npz file. */
  public byte[] rasterNpz(UUID id, @Nullable Integer sample, @Nullable String layer) {
    return rasters.npz(weighted(id), choice(id, sample, layer));
  }

  private Models.Network weighted(UUID id) {
    var row = find(id);
    return compute.run(_ -> network(row, reached(row)));
  }

  /**
   * The network as of the last checkpoint, which may have fewer channels than the one that was
   * submitted.
   */
  @Transactional(readOnly = true)
  public ModelSpec model(UUID id) {
    var row = find(id);
    var spec = documents.spec(row.documents());
    var submitted = documents.model(row.documents(), spec);
    return spec.pruneChannels() == null
        ? submitted
        : checkpoints
            .latest(id)
            .map(checkpoint -> Channels.fit(submitted, checkpoint.weights()))
            .orElse(submitted);
  }

  private Rasters.Choice choice(UUID id, @Nullable Integer sample, @Nullable String layer) {
    var spec = documents.spec(find(id).documents());
    return new Rasters.Choice(spec.input(), spec.timeSteps(), spec.seed(), sample, layer);
  }

  private Models.Network network(JobRow row, Checkpoint reached) {
    var spec = documents.spec(row.documents());
    var submitted = documents.model(row.documents(), spec);
    return new Models.Network(
        spec.pruneChannels() == null ? submitted : Channels.fit(submitted, reached.weights()),
        reached.weights());
  }

  /**
   * Last checkpoint of a job, or the weights it starts from.
   *
   * @throws ProblemException when the job has ended and its checkpoints were deleted, because its
   *     initial weights are not its result
   */
  Checkpoint reached(UUID id) {
    return reached(jobs.findById(id).orElseThrow());
  }

  private Checkpoint reached(JobRow row) {
    return checkpoints
        .last(row.id())
        .or(() -> hasTrained(row) ? Optional.empty() : checkpoints.initial(row.id()))
        .orElseThrow(() -> missing(row, "weights"));
  }

  /** The job has trained and ended: without a checkpoint its weights are lost. */
  private static boolean hasTrained(JobRow row) {
    return row.status().isFinal() && row.epoch() > 0;
  }

  private static ProblemException missing(JobRow row, String what) {
    return new ProblemException(
        Problem.Code.NOT_FOUND,
        hasTrained(row)
            ? "job %s has no %s any more: none of its checkpoints is left (spikewise.retention.checkpoints)"
                .formatted(row.id(), what)
            : "job %s has no %s yet".formatted(row.id(), what));
  }

  private JobRow find(UUID id) {
    return jobs.findById(id)
        .filter(row -> tenants.sees(row.tenant()))
        .orElseThrow(() -> ProblemException.notFound("job", id.toString()));
  }
}
