package dev.spikewise.interop;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Spelling;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.NormSpec;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;

/**
 * Reads and writes weights as .npz under the names of a PyTorch state_dict, and checks that they
 * fit a network.
 */
public final class Weights {

  /** Maximum unpacked size of the arrays of an .npz file in bytes: 64 Mi float32 values. */
  private static final long MAX_BYTES = 4L << 26;

  /**
   * State variables in the state_dict of neurons that have run. They are not weights and start at
   * 0.
   */
  static final Set<String> STATE = Set.of("v_mem", "i_syn", "b");

  /** Maximum number of wrong names, and of the model's names, in one response. */
  private static final int MAX_NAMES = 50;

  private Weights() {}

  /**
   * @throws UnreadableFileException when it is not an .npz file of numbers
   */
  public static StateDict readNpz(byte[] file) {
    return readNpz(file, _ -> {});
  }

  /**
   * Same as {@link #readNpz(byte[])} with a memory limit.
   *
   * @param reserve called with the size of each array in bytes before it is allocated; may throw
   */
  public static StateDict readNpz(byte[] file, LongConsumer reserve) {
    var tensors = new LinkedHashMap<String, Tensor>();
    try {
      Npz.read(new ByteArrayInputStream(file), MAX_BYTES, reserve)
          .forEach((name, array) -> tensors.put(name, new Tensor(array.shape(), array.floats())));
    } catch (IllegalArgumentException e) {
      throw new UnreadableFileException(String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw new UnreadableFileException("damaged or truncated, or not an .npz file", e);
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

  /** {@link #of(ModelSpec, StateDict, boolean)} where order does not decide. */
  public static StateDict of(ModelSpec model, StateDict found) {
    return of(model, found, false);
  }

  /**
   * Selects the weights of {@code model} from {@code found}. A prefix that all names share, such as
   * {@code module.} or {@code model.}, is removed. When no name is a name of the model, numbered
   * modules are matched to the layers with these numbers, and other modules to the only layer whose
   * arrays have the same shapes. The state of neurons, which sinabs stores in the same state_dict,
   * is ignored. A missing time constant is taken from the definition, and a missing count of
   * batches is 0.
   *
   * @param byOrder whether modules whose arrays fit several layers are matched in the order of the
   *     layers rather than refused
   * @throws InvalidSpecException naming every array that is missing, unknown, of another shape, or
   *     inconsistent with the definition
   */
  public static StateDict of(ModelSpec model, StateDict found, boolean byOrder) {
    return new Selection(model, found, byOrder).select();
  }

  /** Assigns the arrays of a state_dict to the layers of a model. */
  private static final class Selection {
    private final List<Graph.Vertex> layers;
    private final Mistakes mistakes = new Mistakes();
    private final Map<String, Tensor> unused;
    private final Map<String, Tensor> weights = new LinkedHashMap<>();
    private final Set<String> expected = new LinkedHashSet<>();

    Selection(ModelSpec model, StateDict found, boolean byOrder) {
      layers = model.graph().layers();
      for (Graph.Vertex layer : layers) {
        for (String array : arrays(layer).keySet()) {
          expected.add(name(layer, array));
        }
      }
      Map<String, Tensor> named = withoutPrefix(found.tensors());
      Map<String, Tensor> renamed =
          named.keySet().stream().anyMatch(expected::contains)
              ? null
              : new LayerNames(model, named).renamed(byOrder);
      unused = renamed == null ? named : renamed;
    }

    private static String name(Graph.Vertex layer, String array) {
      return layer.name() + "." + array;
    }

    private static SequencedMap<String, Shape> arrays(Graph.Vertex layer) {
      var all = layer.spec().parameters(layer.inputShape());
      all.putAll(layer.spec().buffers(layer.inputShape()));
      return all;
    }

    StateDict select() {
      for (Graph.Vertex layer : layers) {
        for (var array : arrays(layer).entrySet()) {
          take(layer.spec(), name(layer, array.getKey()), array.getKey(), array.getValue());
        }
        if (layer.spec() instanceof NeuronSpec neurons) {
          dropState(layer, neurons);
        }
      }
      reportUnused();
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

    private void take(LayerSpec layer, String name, String array, Shape shape) {
      Tensor tensor = unused.remove(name);
      int[] dims = shape.dims().stream().mapToInt(d -> d).toArray();
      Constant constant =
          switch (layer) {
            case NeuronSpec neuron -> neuron.timeConstants().get(array);
            case NormSpec.Batch _ when array.equals("num_batches_tracked") -> Constant.of(0);
            default -> null;
          };
      if (constant != null) {
        float[] values =
            tensor == null ? constant.floats() : values(layer, name, array, shape, tensor);
        weights.put(name, new Tensor(dims, values));
      } else if (tensor == null) {
        mistakes.in(name).add("is missing: " + layer.typeName() + " needs it in shape " + shape);
      } else if (!Arrays.equals(tensor.shape(), dims)) {
        mistakes
            .in(name)
            .add("must have shape " + shape + " but was " + Arrays.toString(tensor.shape()));
      } else {
        weights.put(name, tensor);
      }
    }

    /** Values of a constant, expanded to {@code shape}. */
    private float[] values(LayerSpec layer, String name, String array, Shape shape, Tensor tensor) {
      float[] data = tensor.data();
      for (float value : data) {
        if (array.startsWith("tau_") && !(value > 0)) {
          mistakes.in(name).add("must be above 0 but was " + value);
          break;
        } else if (array.startsWith("alpha_") && !(value > 0 && value < 1)) {
          mistakes.in(name).add("must be between 0 and 1 but was " + value);
          break;
        }
      }
      if (data.length == shape.size()) {
        return data;
      }
      if (shape.rank() == 0 && data.length > 0 && equal(Constant.of(data[0]), tensor)) {
        return new float[] {data[0]};
      }
      mistakes
          .in(name)
          .add(
              "must have shape "
                  + shape
                  + ", as "
                  + layer.typeName()
                  + " defines it, but was "
                  + Arrays.toString(tensor.shape())
                  + (shape.rank() == 0 && data.length > 0
                      ? " with values that differ; give the layer a list of "
                          + data.length
                          + " numbers"
                      : ""));
      return new float[shape.size()];
    }

    /** Removes state, and constants of the definition after comparing them. */
    private void dropState(Graph.Vertex layer, NeuronSpec neurons) {
      // For ALIF this is the current threshold, which is state.
      Tensor threshold = unused.remove(name(layer, "spike_threshold"));
      if (threshold != null
          && neurons instanceof NeuronSpec.Spiking spiking
          && !(neurons instanceof NeuronSpec.ALIF)
          && !equal(spiking.spikeThreshold(), threshold)) {
        mistakes
            .in(name(layer, "spike_threshold"))
            .add("differs from the model's value, which is " + spiking.spikeThreshold());
      }
      Tensor least = unused.remove(name(layer, "min_v_mem"));
      Double its = neurons.minVMem();
      if (least != null && (its == null || !equal(Constant.of(its), least))) {
        mistakes
            .in(name(layer, "min_v_mem"))
            .add(
                (its == null
                        ? "is not in the model"
                        : "differs from the model's value, which is " + its)
                    + "; give layer "
                    + layer.name()
                    + " the option min_v_mem "
                    + (least.data().length == 0 ? "" : least.data()[0]));
      }
      STATE.forEach(state -> unused.remove(name(layer, state)));
    }

    private void reportUnused() {
      List<String> known = expected.stream().limit(1000).toList();
      unused.keySet().stream()
          .limit(MAX_NAMES)
          .forEach(
              name ->
                  mistakes
                      .in(name)
                      .add(
                          "is not a weight of this model"
                              + Spelling.nearest(name, known)
                                  .map(nearest -> "; the nearest name is " + nearest)
                                  .orElse("")));
      if (!unused.isEmpty()) {
        mistakes.add(
            "the model's arrays are "
                + expected.stream().limit(MAX_NAMES).collect(Collectors.joining(", "))
                + (expected.size() > MAX_NAMES
                    ? " and " + (expected.size() - MAX_NAMES) + " more"
                    : ""));
      }
    }

    /** Removes the first part of all names while all share it and none is a name of the model. */
    private Map<String, Tensor> withoutPrefix(Map<String, Tensor> found) {
      Map<String, Tensor> named = new LinkedHashMap<>(found);
      while (!named.isEmpty() && named.keySet().stream().noneMatch(expected::contains)) {
        String first = named.keySet().iterator().next();
        String prefix = first.substring(0, first.indexOf('.') + 1);
        if (prefix.isEmpty()
            || !named.keySet().stream()
                .allMatch(name -> name.startsWith(prefix) && name.length() > prefix.length())) {
          break;
        }
        var shorter = new LinkedHashMap<String, Tensor>();
        named.forEach((name, tensor) -> shorter.put(name.substring(prefix.length()), tensor));
        named = shorter;
      }
      // When no name fits, messages use the names as they were sent.
      return named.keySet().stream().anyMatch(expected::contains)
          ? named
          : new LinkedHashMap<>(found);
    }
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
