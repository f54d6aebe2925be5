/** Problems (RFC 9457) and the mistakes in a specification that they report, by JSON pointer. */
@NullMarked
package dev.spikewise.problem;

import org.jspecify.annotations.NullMarked;
