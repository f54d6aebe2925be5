/**
 * Requests and responses as records. The same object is request body, stored JSON and input of the
 * engine.
 */
@NullMarked
package dev.spikewise.spec;

import org.jspecify.annotations.NullMarked;
