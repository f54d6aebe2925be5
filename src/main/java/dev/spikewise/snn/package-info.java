/**
 * The engine. Pure Java: it knows no Spring, logging, metrics or clock. This package is its API;
 * the packages below it build on each other downwards: kernel, neuron and data, layer, synops and
 * optim.
 */
@NullMarked
package dev.spikewise.snn;

import org.jspecify.annotations.NullMarked;
