package dev.spikewise.job;

import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.SearchSpec;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.SweepSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.StoredJson;
import dev.spikewise.tenant.Quotas;
import java.nio.charset.StandardCharsets;
import java.sql.Types;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;
import tools.jackson.databind.node.ObjectNode;

/**
 * Stores the documents (specifications, model definitions, initial weights) of jobs, sweeps and
 * searches. They can be large, so they are read one at a time and only when a request needs them.
 * The jobs of a sweep or a search share its document.
 */
@Component
public class Documents {

  private final JdbcClient client;
  private final StoredJson json;
  private final Quotas quotas;

  Documents(JdbcClient client, StoredJson json, Quotas quotas) {
    this.client = client;
    this.json = json;
    this.quotas = quotas;
  }

  /**
   * References to the documents of a job.
   *
   * @param spec id of a training, of a sweep, or of a search's job
   * @param variant number of the combination of values; null when {@code spec} refers to a training
   * @param changes changes that the job makes to that document, as a JSON object of pointers and
   *     values; null for no change
   * @param model id of the stored definition of a model; null when the spec contains the definition
   * @param weights id of the initial weights; null when they are drawn from the seed
   */
  public record Place(
      UUID spec,
      @Nullable Integer variant,
      @Nullable String changes,
      @Nullable UUID model,
      @Nullable UUID weights) {

    Place withWeights(UUID weights) {
      return new Place(spec, variant, changes, model, weights);
    }
  }

  /** Stores the document of a job or a sweep under its id, within the tenant's quota. */
  @Transactional(propagation = Propagation.MANDATORY)
  public void insert(UUID id, String tenant, Object spec) {
    insert("job_spec", id, tenant, json.write(spec));
  }

  /** Stores a copy of a model's definition for jobs and returns its id. */
  UUID insertModel(String tenant, ModelSpec model) {
    var id = UUID.randomUUID();
    insert("job_model", id, tenant, json.write(model));
    return id;
  }

  private void insert(String table, UUID id, String tenant, String content) {
    int bytes = content.getBytes(StandardCharsets.UTF_8).length;
    quotas.requireBytes(tenant, bytes);
    client
        .sql("insert into " + table + " (id, tenant, content, bytes) values (?, ?, ?, ?)")
        .params(id, tenant, content, bytes)
        .update();
  }

  /** Deletes those of the documents that no job or sweep refers to any more. */
  public void release(Place place) {
    client
        .sql(
            """
            delete from job_spec where id = :id and not exists (select 1 from job where spec_id = :id)
            and not exists (select 1 from sweep where id = :id)
            and not exists (select 1 from search where id = :id or job_document_id = :id)\
            """)
        .param("id", place.spec())
        .update();
    release("job_model", "model_document_id", place.model());
    release("job_weights", "weights_id", place.weights());
  }

  private void release(String table, String column, @Nullable UUID id) {
    client
        .sql(
            "delete from %s where id = :id and not exists (select 1 from job where %s = :id)"
                .formatted(table, column))
        .param("id", id, Types.OTHER)
        .update();
  }

  /**
   * Reads the specification of a job as it was submitted.
   *
   * @throws StoredJson.Unreadable when the document is damaged or missing
   */
  TrainingSpec spec(Place place) {
    return place.variant() == null && place.changes() == null
        ? json.read(content("job_spec", place.spec()), TrainingSpec.class)
        : json.value(tree(place), TrainingSpec.class);
  }

  /**
   * Reads the network that the job with specification {@code spec} trains.
   *
   * @throws StoredJson.Unreadable when the document is damaged or missing
   */
  ModelSpec model(Place place, TrainingSpec spec) {
    return place.model() == null
        ? spec.model().definition()
        : json.read(content("job_model", place.model()), ModelSpec.class);
  }

  /**
   * Reads the specification of the sweep with this id.
   *
   * @throws StoredJson.Unreadable when the document is damaged or missing
   */
  public SweepSpec sweep(UUID id) {
    return json.read(content("job_spec", id), SweepSpec.class);
  }

  /**
   * Reads the specification of the search with this id.
   *
   * @throws StoredJson.Unreadable when the document is damaged or missing
   */
  public SearchSpec search(UUID id) {
    return json.read(content("job_spec", id), SearchSpec.class);
  }

  /**
   * Returns the references of a training whose specification is {@code after}: the document of
   * {@code before} and the differences from it.
   */
  Place changed(Place before, TrainingSpec after) {
    var unchanged = new Place(before.spec(), before.variant(), null, before.model(), null);
    var changes = Variant.changes(tree(unchanged), json.toTree(after));
    return new Place(before.spec(), before.variant(), json.write(changes), before.model(), null);
  }

  private ObjectNode tree(Place place) {
    var content = content("job_spec", place.spec());
    ObjectNode job;
    if (place.variant() == null) {
      job = json.toTree(json.read(content, TrainingSpec.class));
    } else {
      var sweep = json.read(content, SweepSpec.class);
      job = json.toTree(sweep.job());
      Variant.apply(job, sweep, place.variant(), json::toTree);
      // Adds the defaults of properties that a value leaves out.
      job = json.toTree(json.value(job, TrainingSpec.class));
    }
    if (place.changes() != null) {
      Variant.apply(job, json.tree(place.changes()));
    }
    return job;
  }

  void setBaseline(UUID job, Statistics baseline) {
    client.sql("delete from job_baseline where job_id = ?").param(job).update();
    client
        .sql("insert into job_baseline (job_id, content) values (?, ?)")
        .params(job, json.write(baseline))
        .update();
  }

  /** Statistics of the initial weights; empty before the job has started. */
  Optional<Statistics> baseline(UUID job) {
    return client
        .sql("select content from job_baseline where job_id = ?")
        .param(job)
        .query(String.class)
        .optional()
        .map(content -> json.read(content, Statistics.class));
  }

  private String content(String table, UUID id) {
    return client
        .sql("select content from " + table + " where id = ?")
        .param(id)
        .query(String.class)
        .optional()
        .orElseThrow(() -> new StoredJson.Unreadable("the stored document " + id + " is missing"));
  }
}
