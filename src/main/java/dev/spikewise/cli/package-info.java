/**
 * The service as a command for scripts and CI: everything goes over HTTP, to a server or to one
 * started for the call.
 */
@NullMarked
package dev.spikewise.cli;

import org.jspecify.annotations.NullMarked;
