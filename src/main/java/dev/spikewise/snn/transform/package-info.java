/** What can be made of a trained model without training: merged, spiking and quantized models. */
@NullMarked
package dev.spikewise.snn.transform;

import org.jspecify.annotations.NullMarked;
