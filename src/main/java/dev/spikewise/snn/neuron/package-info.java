/** Neuron models: equations, time constants, and their gradients. */
@NullMarked
package dev.spikewise.snn.neuron;

import org.jspecify.annotations.NullMarked;
