/** NIR files (HDF5) in the dialects of sinabs, snnTorch, Norse, SpikingJelly and Lava. */
@NullMarked
package dev.spikewise.interop.nir;

import org.jspecify.annotations.NullMarked;
