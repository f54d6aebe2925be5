/** The tutorial's figures as pictures: drawn once, written as SVG or PNG. */
@NullMarked
package dev.spikewise.plot;

import org.jspecify.annotations.NullMarked;
