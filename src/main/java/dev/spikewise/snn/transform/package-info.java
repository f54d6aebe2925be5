/** Conversions of trained models without training: merged, spiking and quantised models. */
@NullMarked
package dev.spikewise.snn.transform;

import org.jspecify.annotations.NullMarked;
