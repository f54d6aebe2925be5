package dev.spikewise.job;

import java.util.UUID;

/**
 * Event: a write to a job was refused because the worker had lost its lease. It is published
 * immediately, because the surrounding transaction is rolled back; listen with
 * {@code @EventListener}.
 */
public record FencedWrite(UUID jobId) {}
