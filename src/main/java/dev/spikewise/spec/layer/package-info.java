/** Layers of a model definition, one file per family. */
@NullMarked
package dev.spikewise.spec.layer;

import org.jspecify.annotations.NullMarked;
