/** Neuromorphic chips: whether a network fits one, layer by layer. */
@NullMarked
package dev.spikewise.chip;

import org.jspecify.annotations.NullMarked;
