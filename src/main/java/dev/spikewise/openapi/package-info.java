/** The OpenAPI document, generated from controllers, records and their Javadoc. */
@NullMarked
package dev.spikewise.openapi;

import org.jspecify.annotations.NullMarked;
