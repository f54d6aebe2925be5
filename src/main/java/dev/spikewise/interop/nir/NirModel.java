package dev.spikewise.interop.nir;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.spec.ModelSpec;
import java.util.List;

/**
 * A network read from a NIR file.
 *
 * @param assumptions assumptions about properties that the file does not state, one sentence each
 */
public record NirModel(ModelSpec model, StateDict weights, List<String> assumptions) {}
