package dev.spikewise.model;

import java.util.UUID;

/** Implemented by components that use stored models. A model in use cannot be deleted. */
public interface ModelUse {

  boolean uses(UUID modelId);
}
