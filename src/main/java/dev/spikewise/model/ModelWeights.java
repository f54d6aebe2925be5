package dev.spikewise.model;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import java.util.UUID;

@Entity
class ModelWeights {

  @Id private UUID modelId;
  private byte[] npz;

  @SuppressWarnings("NullAway.Init")
  protected ModelWeights() {}

  ModelWeights(UUID modelId, byte[] npz) {
    this.modelId = modelId;
    this.npz = npz;
  }

  byte[] npz() {
    return npz;
  }
}
