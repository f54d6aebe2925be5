/** Figures of trainings, sweeps and networks as SVG and PNG. */
@NullMarked
package dev.spikewise.plot;

import org.jspecify.annotations.NullMarked;
