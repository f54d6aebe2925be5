/** JSON of records that annotations cannot describe. */
@NullMarked
package dev.spikewise.json;

import org.jspecify.annotations.NullMarked;
