/**
 * HTTP infrastructure shared by all controllers: request bodies, limits, streams, problem
 * responses.
 */
@NullMarked
package dev.spikewise.web;

import org.jspecify.annotations.NullMarked;
