package dev.spikewise.model;

import dev.spikewise.spec.ModelSpec;
import java.time.Instant;
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
 */
public record Model(
    UUID id,
    @Nullable String name,
    ModelSpec definition,
    ModelSummary summary,
    boolean hasWeights,
    Instant createdAt) {}
