/** Dense tensors and the state_dict that names them. */
@NullMarked
package dev.spikewise.snn.tensor;

import org.jspecify.annotations.NullMarked;
