package dev.spikewise.model;

import java.util.UUID;

/** Something that needs a stored model and so keeps it from being deleted. */
public interface ModelUse {

  boolean uses(UUID modelId);
}
