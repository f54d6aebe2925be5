package dev.spikewise.snn;

/**
 * Class that the network predicts for each test sample: the output that fires most.
 *
 * @param samples index of each test sample in its data set
 * @param labels class of each sample
 * @param predicted predicted class of each sample
 * @param classes number of outputs of the network
 */
public record Predictions(int[] samples, int[] labels, int[] predicted, int classes) {}
