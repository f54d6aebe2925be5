/** Event recordings in the formats of cameras, simulators and data sets, one class per format. */
@NullMarked
package dev.spikewise.interop.events;

import org.jspecify.annotations.NullMarked;
