package dev.spikewise.tenant;

/**
 * What a tenant used in a month.
 *
 * @param tenant Tenant; empty for the operators.
 * @param month Month in UTC, such as 2026-11.
 * @param jobs Number of jobs submitted in the month, deleted ones included.
 * @param epochs Number of stored epochs. An epoch that was trained again after the loss of a worker
 *     counts once; a retry of the job counts again.
 * @param samples Number of training samples of these epochs.
 * @param synops Synaptic operations of these samples.
 * @param trainingSeconds Training time of these epochs, in seconds.
 * @param storedBytes Size of stored data sets, weights, checkpoints and documents in bytes: the
 *     largest that was measured in the month, about once per hour.
 */
public record Usage(
    String tenant,
    String month,
    long jobs,
    long epochs,
    long samples,
    double synops,
    double trainingSeconds,
    long storedBytes) {}
