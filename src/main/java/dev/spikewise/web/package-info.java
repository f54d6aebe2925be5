/**
 * HTTP infrastructure shared by all controllers: request bodies, limits, event streams and problem
 * responses.
 */
@NullMarked
package dev.spikewise.web;

import org.jspecify.annotations.NullMarked;
