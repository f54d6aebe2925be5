/**
 * The layers, forward beside backward. Shape letters: B samples of a batch, T time steps, C
 * channels, H rows, W columns, N neurons. Activations are [B, T, H, W, C]; PyTorch's order is met
 * only where weights and rates enter or leave.
 */
@NullMarked
package dev.spikewise.snn.layer;

import org.jspecify.annotations.NullMarked;
