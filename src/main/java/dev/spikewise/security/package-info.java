/**
 * Who may do what: API keys, tokens of an issuer, and what a server without either may be open to.
 */
@NullMarked
package dev.spikewise.security;

import org.jspecify.annotations.NullMarked;
