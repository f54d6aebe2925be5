/** REST controllers of the API. */
@NullMarked
package dev.spikewise.api;

import org.jspecify.annotations.NullMarked;
