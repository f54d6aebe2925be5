package dev.spikewise.dataset;

import dev.spikewise.snn.data.Dataset;

/** A data set, and what was found and assumed while its files were read. */
record ReadDataset(Dataset dataset, Reading reading) {}
