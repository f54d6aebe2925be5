/** The service's HTTP face: controllers, and how bodies are read and problems told. */
@NullMarked
package dev.spikewise.api;

import org.jspecify.annotations.NullMarked;
