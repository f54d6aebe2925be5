package dev.spikewise.snn;

/**
 * Class that the network predicts for each test sample: the output that fires most. With labels per
 * time step there is one entry per sample and time step, in that order.
 *
 * @param samples index of each test sample in its data set
 * @param labels class of each entry
 * @param predicted predicted class of each entry
 * @param classes number of outputs of the network
 */
public record Predictions(int[] samples, int[] labels, int[] predicted, int classes) {}
