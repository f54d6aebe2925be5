package dev.spikewise.model;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.spec.ModelSpec;
import java.time.Instant;
import java.util.List;
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
 * @param createdAt Time of creation (RFC 3339).
 * @param assumptions Assumptions made where the uploaded file or text was silent, one sentence
 *     each; only in the answer to that upload.
 */
public record Model(
    UUID id,
    @Nullable String name,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable ModelSpec definition,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable ModelSummary summary,
    boolean hasWeights,
    Instant createdAt,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable List<String> assumptions) {

  Model assuming(List<String> assumptions) {
    return new Model(
        id,
        name,
        definition,
        summary,
        hasWeights,
        createdAt,
        assumptions.isEmpty() ? null : assumptions);
  }
}
