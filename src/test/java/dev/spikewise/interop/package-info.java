@NullMarked
package dev.spikewise.interop;

import org.jspecify.annotations.NullMarked;
