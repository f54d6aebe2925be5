package dev.spikewise.model;

import dev.spikewise.store.Content;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

@Entity
class ModelWeights {

  @Id private UUID modelId;
  private byte @Nullable [] npz;

  /** The object that holds them outside the database. */
  private @Nullable UUID objectId;

  @SuppressWarnings("NullAway.Init")
  protected ModelWeights() {}

  ModelWeights(UUID modelId, Content npz) {
    this.modelId = modelId;
    this.npz = npz.bytes();
    this.objectId = npz.object();
  }

  Content npz() {
    return new Content(npz, objectId);
  }
}
