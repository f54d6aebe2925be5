/** Spikewise: nouns (spec), engine (snn), life cycle (job), views (api, telemetry, dashboard). */
@NullMarked
package dev.spikewise;

import org.jspecify.annotations.NullMarked;
