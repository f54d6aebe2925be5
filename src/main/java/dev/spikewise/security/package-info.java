/**
 * Authentication and authorisation: API keys, tokens, and the protection of a server without
 * either.
 */
@NullMarked
package dev.spikewise.security;

import org.jspecify.annotations.NullMarked;
