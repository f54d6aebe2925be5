/** Stored models, their weights, and what one forward pass through them counts. */
@NullMarked
package dev.spikewise.model;

import org.jspecify.annotations.NullMarked;
