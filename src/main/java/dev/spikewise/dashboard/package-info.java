/**
 * Pages for people: jobs and their curves, and a form to submit one. The pages change jobs through
 * the API.
 */
@NullMarked
package dev.spikewise.dashboard;

import org.jspecify.annotations.NullMarked;
