package dev.spikewise.job;

import static java.util.Objects.requireNonNull;

import dev.spikewise.snn.Analysis;
import dev.spikewise.snn.Checkpoint;
import dev.spikewise.snn.Predictions;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Statistics;
import dev.spikewise.store.Content;
import dev.spikewise.store.DamagedContentException;
import dev.spikewise.store.LargeObjects;
import dev.spikewise.store.ObjectStoreException;
import dev.spikewise.tenant.Quotas;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.sql.Types;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;
import tools.jackson.databind.json.JsonMapper;

/**
 * Stores checkpoints where every replica can read them. Each appears in one transaction; its
 * content may be an object outside the database that was written before.
 */
@Repository
class Checkpoints {

  private static final Logger LOG = LoggerFactory.getLogger(Checkpoints.class);

  private static final String SAMPLE = "sample";
  private static final String LABEL = "label";
  private static final String PREDICTED = "predicted";
  private static final String CLASSES = "classes";

  private final JdbcClient client;
  private final JsonMapper mapper;
  private final Quotas quotas;
  private final JobSettings settings;
  private final LargeObjects objects;

  Checkpoints(
      JdbcClient client,
      JsonMapper mapper,
      Quotas quotas,
      JobSettings settings,
      LargeObjects objects) {
    this.objects = objects;
    this.quotas = quotas;
    this.client = client;
    this.mapper = mapper;
    this.settings = settings;
  }

  /**
   * State of a training after an epoch: its weights and optimiser, and the statistics of that
   * epoch.
   */
  static final class Snapshot {

    private final Checkpoint checkpoint;
    private final Analysis analysis;

    /** The uploaded content; null before the upload, and where it goes into the database. */
    private @Nullable Content object;

    Snapshot(Checkpoint checkpoint, Analysis analysis) {
      this.checkpoint = checkpoint;
      this.analysis = analysis;
    }

    Checkpoint checkpoint() {
      return checkpoint;
    }

    Analysis analysis() {
      return analysis;
    }

    private synchronized @Nullable Content object() {
      return object;
    }

    private synchronized void object(@Nullable Content uploaded) {
      object = uploaded;
    }
  }

  /**
   * Writes the content of a checkpoint if it belongs outside the database and has not been written.
   * Call it before the transaction with {@link #save}.
   *
   * @throws dev.spikewise.store.ObjectStoreException when it cannot be written at present
   */
  void upload(Snapshot snapshot) {
    if (objects.isOutsideDatabase() && snapshot.object() == null) {
      snapshot.object(objects.put(snapshot.checkpoint().toBytes()));
    }
  }

  /** Stores initial weights of trainings and returns their id. */
  UUID insertInitial(String tenant, StateDict weights) {
    var id = UUID.randomUUID();
    byte[] content = Checkpoint.initial(weights).toBytes();
    quotas.requireBytes(tenant, content.length);
    client
        .sql("insert into job_weights (id, tenant, content) values (?, ?, ?)")
        .params(id, tenant, content)
        .update();
    return id;
  }

  void save(UUID jobId, Snapshot snapshot, Instant now) {
    int epoch = snapshot.checkpoint().epoch();
    delete(jobId, epoch, epoch);
    insert(jobId, snapshot, now);
    client
        .sql(
            """
            delete from checkpoint where job_id = :job and epoch > 0 and epoch <= (
              select epoch from checkpoint where job_id = :job order by epoch desc offset :kept rows fetch first row only)
            """)
        .param("job", jobId)
        .param("kept", settings.checkpointsKept())
        .update();
  }

  private void insert(UUID jobId, Snapshot snapshot, Instant now) {
    var checkpoint = snapshot.checkpoint();
    var analysis = snapshot.analysis();
    var predictions = analysis.predictions();
    var object = snapshot.object();
    if (object != null && object.object() != null) {
      attach(snapshot, object.object());
    }
    client
        .sql(
            """
            insert into checkpoint
              (job_id, epoch, content, object_id, statistics, firing_rates, predictions, created_at)
            values (:job, :epoch, :content, :object, :statistics, :firing_rates, :predictions, :now)\
            """)
        .param("job", jobId)
        .param("epoch", checkpoint.epoch())
        .param("content", object == null ? checkpoint.toBytes() : null, Types.VARBINARY)
        .param("object", object == null ? null : object.object(), Types.OTHER)
        .param("statistics", mapper.writeValueAsString(analysis.statistics()))
        .param("firing_rates", npz(analysis.firingRates()))
        .param(
            "predictions", predictions == null ? null : npz(tensors(predictions)), Types.VARBINARY)
        .param("now", now.atOffset(ZoneOffset.UTC))
        .update();
  }

  private void attach(Snapshot snapshot, UUID object) {
    try {
      objects.attach(object);
    } catch (ObjectStoreException e) {
      // The next attempt uploads it again.
      snapshot.object(null);
      throw e;
    }
  }

  /** Checkpoint of the initial weights; empty where they are drawn from the seed. */
  Optional<Checkpoint> initial(UUID jobId) {
    return client
        .sql(
            "select w.content from job j join job_weights w on w.id = j.weights_id where j.id ="
                + " :job")
        .param("job", jobId)
        .query((row, i) -> Checkpoint.fromBytes(row.getBytes(1)))
        .optional();
  }

  private Optional<Checkpoint> at(UUID jobId, int epoch) {
    return client
        .sql("select content, object_id from checkpoint where job_id = :job and epoch = :epoch")
        .param("job", jobId)
        .param("epoch", epoch)
        .query((row, i) -> new Content(row.getBytes(1), row.getObject(2, UUID.class)))
        .optional()
        .map(content -> Checkpoint.fromBytes(objects.read(content)));
  }

  /**
   * The last checkpoint, if there is one.
   *
   * @throws DamagedContentException when it cannot be read: an earlier one is another result
   */
  Optional<Checkpoint> last(UUID jobId) {
    int epoch = latestEpoch(jobId);
    try {
      return epoch == 0 ? Optional.empty() : at(jobId, epoch);
    } catch (IllegalArgumentException | DamagedContentException e) {
      throw new DamagedContentException(
          "the checkpoint of job %s after %d epochs cannot be used: %s"
              .formatted(jobId, epoch, e.getMessage()));
    }
  }

  /**
   * Latest readable checkpoint, from which the training resumes. Damaged checkpoints are skipped.
   * Without a readable one the result is empty, and the training starts from its first epoch, which
   * costs time but changes no result.
   */
  Optional<Checkpoint> latest(UUID jobId) {
    var epochs =
        client
            .sql(
                "select epoch from checkpoint where job_id = :job and epoch > 0 order by epoch"
                    + " desc")
            .param("job", jobId)
            .query(Integer.class)
            .list();
    for (int epoch : epochs) {
      try {
        var checkpoint = at(jobId, epoch);
        if (checkpoint.isPresent()) {
          return checkpoint;
        }
      } catch (IllegalArgumentException | DamagedContentException e) {
        LOG.error(
            "The checkpoint of job {} after {} epochs cannot be used: {}",
            jobId,
            epoch,
            e.getMessage());
      }
    }
    return Optional.empty();
  }

  /** Number of completed epochs in the latest checkpoint; 0 without a checkpoint. */
  int latestEpoch(UUID jobId) {
    return client
        .sql("select coalesce(max(epoch), 0) from checkpoint where job_id = :job")
        .param("job", jobId)
        .query(Integer.class)
        .single();
  }

  Optional<Statistics> statistics(UUID jobId) {
    return client
        .sql(
            "select statistics from checkpoint where job_id = :job and epoch > 0 order by epoch"
                + " desc limit 1")
        .param("job", jobId)
        .query((row, i) -> mapper.readValue(row.getString(1), Statistics.class))
        .optional();
  }

  Optional<Map<String, Npz.Array>> firingRates(UUID jobId) {
    return client
        .sql(
            "select firing_rates from checkpoint where job_id = :job and epoch > 0 order by epoch"
                + " desc limit 1")
        .param("job", jobId)
        .query((row, i) -> readNpz(row.getBytes(1)))
        .optional();
  }

  /** Predictions of the test samples after the epoch of the last checkpoint. */
  Optional<Predictions> predictions(UUID jobId) {
    return client
        .sql(
            "select predictions from checkpoint where job_id = :job and epoch > 0 order by epoch"
                + " desc limit 1")
        .param("job", jobId)
        .query((row, _) -> Optional.ofNullable(row.getBytes(1)))
        .optional()
        .flatMap(stored -> stored)
        .map(Checkpoints::readNpz)
        .map(
            arrays ->
                new Predictions(
                    integers(arrays, SAMPLE),
                    integers(arrays, LABEL),
                    integers(arrays, PREDICTED),
                    integers(arrays, CLASSES)[0]));
  }

  static Map<String, Tensor> tensors(Predictions predictions) {
    var arrays = new LinkedHashMap<String, Tensor>();
    arrays.put(SAMPLE, tensor(predictions.samples()));
    arrays.put(LABEL, tensor(predictions.labels()));
    arrays.put(PREDICTED, tensor(predictions.predicted()));
    arrays.put(CLASSES, tensor(predictions.classes()));
    return arrays;
  }

  /**
   * Stores integers as floats, which is exact up to 2^24: more than the number of samples in any
   * data set.
   */
  private static Tensor tensor(int... values) {
    var data = new float[values.length];
    for (int i = 0; i < data.length; i++) {
      data[i] = values[i];
    }
    return new Tensor(new int[] {data.length}, data);
  }

  private static int[] integers(Map<String, Npz.Array> arrays, String name) {
    float[] values = requireNonNull(arrays.get(name)).floats();
    var integers = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      integers[i] = (int) values[i];
    }
    return integers;
  }

  /** Deletes the checkpoints of the current attempt but keeps its initial weights. */
  void deleteTrained(UUID jobId) {
    delete(jobId, 1, Integer.MAX_VALUE);
  }

  private void delete(UUID jobId, int first, int last) {
    client
        .sql("delete from checkpoint where job_id = :job and epoch between :first and :last")
        .param("job", jobId)
        .param("first", first)
        .param("last", last)
        .update();
  }

  static byte[] npz(Map<String, Tensor> tensors) {
    return bytes(out -> Npz.write(out, tensors));
  }

  static byte[] npy(Tensor tensor) {
    return bytes(out -> Npz.writeNpy(out, tensor));
  }

  private interface Writing {
    void to(OutputStream out) throws IOException;
  }

  private static byte[] bytes(Writing writing) {
    var out = new ByteArrayOutputStream();
    try {
      writing.to(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private static Map<String, Npz.Array> readNpz(byte[] bytes) {
    try {
      return Npz.read(new ByteArrayInputStream(bytes), Integer.MAX_VALUE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
