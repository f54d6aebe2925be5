/**
 * What Prometheus sees: the fleet's counters and gauges, and live figures of the jobs that this
 * process trains.
 */
@NullMarked
package dev.spikewise.telemetry;

import org.jspecify.annotations.NullMarked;
