package dev.spikewise.interop.nir;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.spec.ModelSpec;

/** A network as a NIR file holds it: definition and weights. */
public record NirModel(ModelSpec model, StateDict weights) {}
