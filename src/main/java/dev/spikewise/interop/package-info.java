/**
 * The formats that networks and weights travel in: NIR, safetensors, .npz and PyTorch's printed
 * models.
 */
@NullMarked
package dev.spikewise.interop;

import org.jspecify.annotations.NullMarked;
