/**
 * Tells other programs of jobs: what happened is stored with the change itself, and sent until the
 * receiver has it.
 */
@NullMarked
package dev.spikewise.webhook;

import org.jspecify.annotations.NullMarked;
