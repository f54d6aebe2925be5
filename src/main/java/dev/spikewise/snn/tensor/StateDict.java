package dev.spikewise.snn.tensor;

import dev.spikewise.spec.ModelSpec;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A network's weights under PyTorch's names ("1.weight", "1.bias") and in PyTorch's order: Conv2d
 * (Cout, Cin / groups, kH, kW), Linear (out, in).
 */
public record StateDict(Map<String, Tensor> tensors) {

  public StateDict {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
  }

  /** Those of the layers that {@code model} has. */
  public StateDict of(ModelSpec model) {
    var its = new LinkedHashMap<>(tensors);
    its.keySet().removeIf(name -> Integer.parseInt(name.split("\\.")[0]) >= model.layers().size());
    return new StateDict(its);
  }
}
