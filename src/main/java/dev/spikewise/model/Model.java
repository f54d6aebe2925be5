package dev.spikewise.model;

import dev.spikewise.spec.ModelSpec;
import java.time.Instant;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** A stored model. */
public record Model(
    UUID id,
    @Nullable String name,
    ModelSpec definition,
    ModelSummary summary,
    boolean hasWeights,
    Instant createdAt) {}
