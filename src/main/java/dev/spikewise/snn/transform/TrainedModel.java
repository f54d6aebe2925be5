package dev.spikewise.snn.transform;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.layer.DropoutSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** A model definition with matching weights. */
public record TrainedModel(ModelSpec spec, StateDict weights) {

  /**
   * Returns the inference form of the network: without dropout and with each batch norm merged into
   * the weights before it. In a sequence without names, layers are renamed by their new index.
   *
   * @throws InvalidSpecException naming a batch norm without weights directly before it
   */
  public TrainedModel merged() {
    var rewrite = new Rewrite(spec);
    return rewrite.build(spec.name(), merge(rewrite));
  }

  /** Removes layers without an effect at inference; weights keep their names. */
  Map<String, Tensor> merge(Rewrite rewrite) {
    var tensors = new LinkedHashMap<>(weights.tensors());
    for (Graph.Vertex vertex : rewrite.graph().order()) {
      int i = vertex.index();
      switch (vertex.spec()) {
        case DropoutSpec _ -> rewrite.leaveOut(i);
        case NormSpec.Batch norm -> {
          int into = rewrite.source(i);
          LayerSpec before = into == Graph.INPUT_INDEX ? null : rewrite.layer(into);
          if (!norm.mergesInto(before) || !rewrite.isOnlyReader(i, into)) {
            throw new InvalidSpecException(
                "/layers/" + i,
                "a "
                    + norm.typeName()
                    + " can be merged only into "
                    + norm.mergeable()
                    + ", which must stand right before it and be read by it alone");
          }
          rewrite.replace(into, ((SynapticSpec) Objects.requireNonNull(before)).withBias());
          merge(norm, vertex.name(), rewrite.graph().layer(into).name(), tensors);
          rewrite.leaveOut(i);
        }
        default -> {}
      }
    }
    return tensors;
  }

  /** Merges layer {@code i} into the layer {@code into}: w' = s w, b' = s (b - mean) + bias. */
  private void merge(NormSpec.Batch norm, String i, String into, Map<String, Tensor> tensors) {
    Tensor weight = Objects.requireNonNull(tensors.get(into + ".weight"));
    float[] mean = tensor(i + ".running_mean").data();
    float[] variance = tensor(i + ".running_var").data();
    int channels = mean.length;
    int perChannel = weight.data().length / channels;
    var scaled = weight.data().clone();
    var bias = new float[channels];
    Tensor before = tensors.get(into + ".bias");
    for (int c = 0; c < channels; c++) {
      double gain = norm.affine() ? tensor(i + ".weight").data()[c] : 1;
      double scale = gain / Math.sqrt(variance[c] + norm.eps());
      double shift = norm.bias() ? tensor(i + ".bias").data()[c] : 0;
      bias[c] = (float) (scale * ((before == null ? 0 : before.data()[c]) - mean[c]) + shift);
      for (int k = c * perChannel; k < (c + 1) * perChannel; k++) {
        scaled[k] = (float) (scaled[k] * scale);
      }
    }
    tensors.put(into + ".weight", new Tensor(weight.shape(), scaled));
    tensors.put(into + ".bias", new Tensor(new int[] {channels}, bias));
  }

  private Tensor tensor(String name) {
    return Objects.requireNonNull(weights.tensors().get(name), name);
  }
}
