package dev.spikewise.retention;

/**
 * Event: a run of the retention in this process has ended.
 *
 * @param complete whether it deleted everything that was expired
 */
public record RunEnded(boolean complete) {}
