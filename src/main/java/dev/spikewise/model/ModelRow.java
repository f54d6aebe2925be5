package dev.spikewise.model;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

@Entity
@Table(name = "model")
class ModelRow {

  @Id private UUID id;

  /** The order of creation, given by the database. */
  @Column(insertable = false, updatable = false)
  private @Nullable Long number;

  private @Nullable String name;
  private String tenant;
  private String definition;
  private Instant createdAt;

  @SuppressWarnings("NullAway.Init")
  protected ModelRow() {}

  /**
   * @param definition as the API writes it
   */
  ModelRow(@Nullable String name, String tenant, String definition, Instant createdAt) {
    this.id = UUID.randomUUID();
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

  Instant createdAt() {
    return createdAt;
  }
}
