package dev.spikewise.model;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.spikewise.spec.ModelSpec;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A stored model.
 *
 * @param id Unique id of the model.
 * @param name Display name of the model; null when it has none.
 * @param definition Definition of the network; absent where the stored definition is damaged.
 * @param summary Shapes, parameters, neurons and memory of the network; absent where the stored
 *     definition is damaged.
 * @param hasWeights Whether weights are stored for the model.
 * @param labels Labels of the model, key to value.
 * @param source How the model came to be; null for models of earlier versions.
 * @param createdAt Time of creation (RFC 3339).
 * @param version entity tag without quotes
 * @param assumptions Assumptions made where the uploaded file or text was silent, one sentence
 *     each; only in the answer to that upload.
 */
public record Model(
    UUID id,
    @Nullable String name,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable ModelSpec definition,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable ModelSummary summary,
    boolean hasWeights,
    Map<String, String> labels,
    @Nullable Source source,
    Instant createdAt,
    @JsonIgnore String version,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<String> assumptions) {

  /** How a model came to be. */
  public enum Origin {
    /** From a definition in the request. */
    DEFINITION,
    /** From a NIR file. */
    NIR,
    /** From what Python prints for a network. */
    PRINTED,
    /** From a network of ReLUs. */
    CONVERTED,
    /** From a network with batch norms. */
    MERGED,
    /** From a job's trained weights. */
    TRAINED;

    @JsonValue
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Where a model came from.
   *
   * @param kind How the model came to be.
   * @param id Id of the job (kind trained) or model (converted, merged) that it came from, which
   *     may have been deleted since; null for other kinds.
   */
  public record Source(Origin kind, @Nullable UUID id) {}

  Model assuming(List<String> assumptions) {
    return new Model(
        id,
        name,
        definition,
        summary,
        hasWeights,
        labels,
        source,
        createdAt,
        version,
        assumptions.isEmpty() ? null : assumptions);
  }
}
