/** Data sets of labelled samples: uploads, their formats and storage. */
@NullMarked
package dev.spikewise.dataset;

import org.jspecify.annotations.NullMarked;
