/**
 * Prometheus metrics: counters and gauges of the fleet, and live metrics of the jobs that this
 * process trains.
 */
@NullMarked
package dev.spikewise.telemetry;

import org.jspecify.annotations.NullMarked;
