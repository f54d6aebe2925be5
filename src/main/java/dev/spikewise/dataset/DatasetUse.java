package dev.spikewise.dataset;

/** Implemented by components that use stored data sets. A data set in use cannot be deleted. */
public interface DatasetUse {

  boolean usesDataset(String id);
}
