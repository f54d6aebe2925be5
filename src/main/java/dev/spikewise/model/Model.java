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
 * @param id of the model
 * @param name for people
 * @param definition the network
 * @param summary what it amounts to
 * @param hasWeights whether it has weights of its own
 * @param createdAt when it was stored
 * @param assumptions what the uploaded file or text does not say and was assumed, a sentence each;
 *     only in the answer to that upload, and only where something was assumed
 */
public record Model(
    UUID id,
    @Nullable String name,
    ModelSpec definition,
    ModelSummary summary,
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
