@NullMarked
package dev.spikewise.fuzz;

import org.jspecify.annotations.NullMarked;
