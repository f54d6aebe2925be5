/** Labelled samples that networks learn from. */
@NullMarked
package dev.spikewise.dataset;

import org.jspecify.annotations.NullMarked;
