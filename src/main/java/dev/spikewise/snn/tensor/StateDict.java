package dev.spikewise.snn.tensor;

import dev.spikewise.spec.Graph;
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

  /** Returns the union with {@code others}, whose names must differ. */
  public StateDict with(StateDict others) {
    var all = new LinkedHashMap<>(tensors);
    all.putAll(others.tensors);
    return new StateDict(all);
  }

  /** Returns the tensors that belong to layers of {@code model}. */
  public StateDict of(ModelSpec model) {
    var its = new LinkedHashMap<String, Tensor>();
    for (Graph.Vertex layer : model.graph().layers()) {
      var names = layer.spec().parameters(layer.inputShape());
      names.putAll(layer.spec().buffers(layer.inputShape()));
      for (String name : names.keySet()) {
        String key = layer.name() + "." + name;
        Tensor tensor = tensors.get(key);
        if (tensor != null) {
          its.put(key, tensor);
        }
      }
    }
    return new StateDict(its);
  }
}
