/** Layers as users write them, one file per family. */
@NullMarked
package dev.spikewise.spec.layer;

import org.jspecify.annotations.NullMarked;
