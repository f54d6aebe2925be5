/** What a network is trained towards, and how its weights get there. */
@NullMarked
package dev.spikewise.snn.optim;

import org.jspecify.annotations.NullMarked;
