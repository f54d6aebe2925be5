package dev.spikewise.interop.nir;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.spec.ModelSpec;
import java.util.List;

/**
 * A network as a NIR file holds it: definition and weights.
 *
 * @param assumptions what the file does not say and was assumed, a sentence each
 */
public record NirModel(ModelSpec model, StateDict weights, List<String> assumptions) {}
