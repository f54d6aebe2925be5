/**
 * Webhooks: each job event is stored in the transaction that causes it, and is sent until the
 * receiver accepts it.
 */
@NullMarked
package dev.spikewise.webhook;

import org.jspecify.annotations.NullMarked;
