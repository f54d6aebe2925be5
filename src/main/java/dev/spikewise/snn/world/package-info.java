/** The processes that train one network together. */
@NullMarked
package dev.spikewise.snn.world;

import org.jspecify.annotations.NullMarked;
