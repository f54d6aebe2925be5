/** Whose a stored resource is, who sees it, and how much of everything a tenant may have. */
@NullMarked
package dev.spikewise.tenant;

import org.jspecify.annotations.NullMarked;
