/** Tenants: ownership and visibility of stored resources, and quotas. */
@NullMarked
package dev.spikewise.tenant;

import org.jspecify.annotations.NullMarked;
