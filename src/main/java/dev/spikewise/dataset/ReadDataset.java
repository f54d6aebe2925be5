package dev.spikewise.dataset;

import dev.spikewise.snn.data.Dataset;

/** A data set and the report on how its files were read. */
record ReadDataset(Dataset dataset, Reading reading) {}
