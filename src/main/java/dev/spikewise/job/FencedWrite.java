package dev.spikewise.job;

import java.util.UUID;

/**
 * A worker that had lost its lease tried to write to the job and was refused. Published at once,
 * because the transaction it happens in is rolled back: listen with {@code @EventListener}.
 */
public record FencedWrite(UUID jobId) {}
