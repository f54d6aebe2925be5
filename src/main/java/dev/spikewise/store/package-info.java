/** Database access that all stored resources share: connections, outages, H2 recovery. */
@NullMarked
package dev.spikewise.store;

import org.jspecify.annotations.NullMarked;
