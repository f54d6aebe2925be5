/**
 * The nouns: what a user asks for and what is answered. Records only; the same object is request
 * body, stored JSON and engine input.
 */
@NullMarked
package dev.spikewise.spec;

import org.jspecify.annotations.NullMarked;
