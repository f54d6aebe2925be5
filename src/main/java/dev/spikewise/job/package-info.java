/**
 * The life of a training job: the only package that knows threads, tables and the engine. The job's
 * row is the queue; there is no second store to disagree with it.
 */
@NullMarked
package dev.spikewise.job;

import org.jspecify.annotations.NullMarked;
