/** Input of networks: data sets, their file formats, encoders, and random numbers. */
@NullMarked
package dev.spikewise.snn.data;

import org.jspecify.annotations.NullMarked;
