package dev.spikewise.job;

import dev.spikewise.spec.ModelSpec;
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
 * The documents of jobs and sweeps, which are read one at a time and only where they are wanted.
 * The jobs of a sweep share its document.
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
   * Where a job's documents are.
   *
   * @param spec id of a training, or of a sweep
   * @param variant number of the combination of values; null where {@code spec} is a training's
   * @param changes what the job changes in that, as a JSON object of pointers and values; null for
   *     nothing
   * @param model id of a stored model's definition; null where the spec has the definition
   * @param weights id of the weights that were given; null where they are drawn from the seed
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

  /** Stores the definition of a stored model for jobs, and gives its id. */
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

  /** Deletes those of the documents that nobody refers to any more. */
  public void release(Place place) {
    client
        .sql(
            """
            delete from job_spec where id = :id and not exists (select 1 from job where spec_id = :id)
            and not exists (select 1 from sweep where id = :id)\
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
   * What the job was submitted as.
   *
   * @throws StoredJson.Unreadable where the document is damaged or gone
   */
  TrainingSpec spec(Place place) {
    return place.variant() == null && place.changes() == null
        ? json.read(content("job_spec", place.spec()), TrainingSpec.class)
        : json.value(tree(place), TrainingSpec.class);
  }

  /**
   * The network that the job {@code spec} trains.
   *
   * @throws StoredJson.Unreadable where the document is damaged or gone
   */
  ModelSpec model(Place place, TrainingSpec spec) {
    return place.model() == null
        ? spec.model().definition()
        : json.read(content("job_model", place.model()), ModelSpec.class);
  }

  /**
   * The sweep with this id.
   *
   * @throws StoredJson.Unreadable where the document is damaged or gone
   */
  public SweepSpec sweep(UUID id) {
    return json.read(content("job_spec", id), SweepSpec.class);
  }

  /** The place of a training that differs from the one at {@code before} in a few places. */
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
      // With the defaults that a value has left out.
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

  /** Statistics of the initial weights; empty before the start. */
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
        .orElseThrow(() -> new StoredJson.Unreadable("the stored document " + id + " is gone"));
  }
}
