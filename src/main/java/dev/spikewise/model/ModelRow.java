package dev.spikewise.model;

import jakarta.persistence.CollectionTable;
import jakarta.persistence.Column;
import jakarta.persistence.ElementCollection;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.MapKeyColumn;
import jakarta.persistence.Table;
import jakarta.persistence.Version;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.hibernate.annotations.BatchSize;
import org.jspecify.annotations.Nullable;

@Entity
@Table(name = "model")
class ModelRow {

  @Id private UUID id;

  /** Position in the order of creation, assigned by the database. */
  @Column(insertable = false, updatable = false)
  private @Nullable Long number;

  private @Nullable String name;
  private String tenant;
  private String definition;
  private Instant createdAt;

  /** Least version of a process that understands the definition. */
  private int leastVersion;

  @Version private @Nullable Integer version;

  /** Number of times that weights were stored. */
  private int weightsChanges;

  @Enumerated(EnumType.STRING)
  private Model.@Nullable Origin source;

  /** Job or model that it came from. */
  private @Nullable String sourceId;

  @ElementCollection
  @CollectionTable(name = "model_label", joinColumns = @JoinColumn(name = "model_id"))
  @MapKeyColumn(name = "label")
  @Column(name = "content")
  @BatchSize(size = 200)
  private Map<String, String> labels = new HashMap<>();

  @SuppressWarnings("NullAway.Init")
  protected ModelRow() {}

  /**
   * @param definition definition as JSON in the format of the API
   */
  ModelRow(
      @Nullable String name,
      String tenant,
      String definition,
      Model.Source source,
      Instant createdAt) {
    this.id = UUID.randomUUID();
    this.source = source.kind();
    this.sourceId = source.id() == null ? null : source.id().toString();
    this.name = name;
    this.tenant = tenant;
    this.definition = definition;
    this.createdAt = createdAt;
  }

  UUID id() {
    return id;
  }

  long number() {
    return number == null ? 0 : number;
  }

  @Nullable String name() {
    return name;
  }

  String tenant() {
    return tenant;
  }

  String definition() {
    return definition;
  }

  int leastVersion() {
    return leastVersion;
  }

  /** Leaves the model to processes of this version and later ones. */
  void require(int version) {
    leastVersion = version;
  }

  Instant createdAt() {
    return createdAt;
  }

  /** Origin of the model; null for models stored by earlier versions. */
  Model.@Nullable Source source() {
    return source == null
        ? null
        : new Model.Source(source, sourceId == null ? null : UUID.fromString(sourceId));
  }

  Map<String, String> labels() {
    return new TreeMap<>(labels);
  }

  /** Creates a new version when only the weights have changed. */
  void changed() {
    weightsChanges++;
  }

  /** Entity tag of the stored row. */
  String version() {
    return Integer.toString(version == null ? 0 : version);
  }

  void apply(ModelPatch patch) {
    name = patch.name();
    labels.clear();
    labels.putAll(patch.labels());
  }
}
