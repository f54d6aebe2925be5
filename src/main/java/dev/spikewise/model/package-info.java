/** Stored models, their weights, and analyses of one forward pass. */
@NullMarked
package dev.spikewise.model;

import org.jspecify.annotations.NullMarked;
