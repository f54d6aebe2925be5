/** JSON mappings that Jackson's annotations cannot express. */
@NullMarked
package dev.spikewise.json;

import org.jspecify.annotations.NullMarked;
