/**
 * The life cycle of training jobs: queue, leases, workers and stored results. A job's row in the
 * database is its place in the queue; there is no second store that could disagree with it.
 */
@NullMarked
package dev.spikewise.job;

import org.jspecify.annotations.NullMarked;
