package dev.spikewise.interop;

import dev.spikewise.snn.StateDict;
import dev.spikewise.spec.ModelSpec;

/** A network as a NIR file holds it: definition and weights. */
public record NirModel(ModelSpec model, StateDict weights) {}
