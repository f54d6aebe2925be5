/**
 * The layers, each with its forward and backward pass. Shape letters: B samples of a batch, T time
 * steps, C channels, H rows, W columns, N neurons. Activations are [B, T, H, W, C]; PyTorch's order
 * is used only for weights and rates that enter or leave the engine.
 */
@NullMarked
package dev.spikewise.snn.layer;

import org.jspecify.annotations.NullMarked;
