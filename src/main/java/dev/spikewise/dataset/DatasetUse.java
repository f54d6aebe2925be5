package dev.spikewise.dataset;

/** Something that needs a stored data set and so keeps it from being deleted. */
public interface DatasetUse {

  boolean usesDataset(String id);
}
