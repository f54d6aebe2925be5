/**
 * Spikewise: requests (spec), engine (snn), job life cycle (job), interfaces (api, telemetry,
 * dashboard, cli).
 */
@NullMarked
package dev.spikewise;

import org.jspecify.annotations.NullMarked;
