package dev.spikewise.retention;

/**
 * Event: the retention has deleted a resource, or its parts. It is published after the commit.
 *
 * @param count number of resources
 * @param bytes stored size in bytes
 */
public record Removed(RetentionKind kind, long count, long bytes) {}
