/** Deletion of resources after the time that their tenant keeps them. */
@NullMarked
package dev.spikewise.retention;

import org.jspecify.annotations.NullMarked;
