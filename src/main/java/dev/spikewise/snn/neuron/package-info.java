/** The neuron models: their equations, time constants, and how gradients reach these. */
@NullMarked
package dev.spikewise.snn.neuron;

import org.jspecify.annotations.NullMarked;
