package dev.spikewise.interop;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.NormSpec;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;

/** Weights under the names of a PyTorch state_dict, as .npz, and whether they are a network's. */
public final class Weights {

  /**
   * Most bytes that the arrays of an .npz may take once unpacked: those of 64 Mi float32 values.
   */
  private static final long MAX_BYTES = 4L << 26;

  /**
   * What a sinabs state_dict holds beside weights: state, which starts at 0 here, and what the
   * definition says.
   */
  private static final Set<String> STATE =
      Set.of("v_mem", "i_syn", "b", "spike_threshold", "min_v_mem");

  private Weights() {}

  /**
   * @throws UnreadableFileException where it is no .npz file of numbers
   */
  public static StateDict readNpz(byte[] file) {
    return readNpz(file, _ -> {});
  }

  /**
   * The same for a caller whose memory is bounded.
   *
   * @param reserve told of the bytes of each array before it is allocated; may throw
   */
  public static StateDict readNpz(byte[] file, LongConsumer reserve) {
    var tensors = new LinkedHashMap<String, Tensor>();
    try {
      Npz.read(new ByteArrayInputStream(file), MAX_BYTES, reserve)
          .forEach((name, array) -> tensors.put(name, new Tensor(array.shape(), array.floats())));
    } catch (IllegalArgumentException e) {
      throw new UnreadableFileException(String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw new UnreadableFileException("not a whole .npz file", e);
    }
    return new StateDict(tensors);
  }

  public static byte[] writeNpz(StateDict weights) {
    var out = new ByteArrayOutputStream();
    try {
      Npz.write(out, weights.tensors());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  /**
   * The weights of {@code model} among {@code found}. The state of neurons, which sinabs keeps in
   * the same state_dict, is left out; a time constant that is not there is the definition's, and a
   * count of batches 0.
   *
   * @throws InvalidSpecException naming every array that is missing, not the model's, or of another
   *     shape
   */
  public static StateDict of(ModelSpec model, StateDict found) {
    var mistakes = new Mistakes();
    var unused = new LinkedHashMap<>(found.tensors());
    var weights = new LinkedHashMap<String, Tensor>();
    for (Graph.Vertex vertex : model.graph().layers()) {
      LayerSpec layer = vertex.spec();
      String prefix = vertex.name();
      Map<String, Constant> constants =
          switch (layer) {
            case NeuronSpec neuron -> neuron.timeConstants();
            case NormSpec.BatchNorm2d _ -> Map.of("num_batches_tracked", Constant.of(0));
            default -> Map.of();
          };
      var all = layer.parameters(vertex.inputShape());
      all.putAll(layer.buffers(vertex.inputShape()));
      for (var expected : all.entrySet()) {
        String name = prefix + "." + expected.getKey();
        Tensor tensor = unused.remove(name);
        Constant constant = constants.get(expected.getKey());
        if (constant != null) {
          weights.put(
              name,
              tensor == null
                  ? new Tensor(
                      expected.getValue().dims().stream().mapToInt(d -> d).toArray(),
                      constant.floats())
                  : tensor);
        } else if (tensor == null) {
          mistakes
              .in(name)
              .add("is missing: " + layer.typeName() + " needs it in shape " + expected.getValue());
        } else if (!Arrays.equals(
            tensor.shape(), expected.getValue().dims().stream().mapToInt(d -> d).toArray())) {
          mistakes
              .in(name)
              .add(
                  "must have shape "
                      + expected.getValue()
                      + ", was "
                      + Arrays.toString(tensor.shape()));
        } else {
          weights.put(name, tensor);
        }
      }
      if (layer instanceof NeuronSpec.Spiking spiking) {
        Tensor threshold = unused.get(prefix + ".spike_threshold");
        if (threshold != null && !equal(spiking.spikeThreshold(), threshold)) {
          mistakes
              .in(prefix + ".spike_threshold")
              .add("is not the model's, which is " + spiking.spikeThreshold());
        }
        for (String state : STATE) {
          unused.remove(prefix + "." + state);
        }
      }
    }
    for (var left : unused.entrySet()) {
      mistakes.in(left.getKey()).add("is no weight of this model, which has " + weights.keySet());
    }
    for (var weight : weights.entrySet()) {
      for (float value : weight.getValue().data()) {
        if (!Float.isFinite(value)) {
          mistakes.in(weight.getKey()).add("holds " + value);
          break;
        }
      }
    }
    mistakes.throwIfAny();
    return new StateDict(weights);
  }

  private static boolean equal(Constant constant, Tensor tensor) {
    float[] values = constant.floats();
    float[] data = tensor.data();
    if (values.length > 1 && values.length != data.length) {
      return false;
    }
    for (int i = 0; i < data.length; i++) {
      if (data[i] != values[values.length == 1 ? 0 : i]) {
        return false;
      }
    }
    return true;
  }
}
