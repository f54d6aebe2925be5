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

/** Weights under the names of a PyTorch state_dict, as .npz, and whether they are a network's. */
public final class Weights {

  /**
   * Most bytes that the arrays of an .npz may take once unpacked: those of 64 Mi float32 values.
   */
  private static final long MAX_BYTES = 4L << 26;

  /** What the state_dict of neurons that have run holds beside weights: state, 0 at the start. */
  static final Set<String> STATE = Set.of("v_mem", "i_syn", "b");

  /** Most wrong names that are reported, and most of a model's names that an answer lists. */
  private static final int MOST_NAMES = 50;

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
   * The weights of {@code model} among {@code found}. A prefix that all names share, such as {@code
   * module.} or {@code model.}, is dropped. Where no name is the model's, modules that are numbered
   * are the layers with these numbers, and others the only layers whose arrays they have. The state
   * of neurons, which sinabs keeps in the same state_dict, is left out; a time constant that is not
   * there is the definition's, and a count of batches 0.
   *
   * @param byOrder whether modules whose arrays fit several layers are taken in the order of the
   *     layers, rather than refused
   * @throws InvalidSpecException naming every array that is missing, not the model's, of another
   *     shape, or at odds with the definition
   */
  public static StateDict of(ModelSpec model, StateDict found, boolean byOrder) {
    return new Selection(model, found, byOrder).select();
  }

  /** One state_dict's arrays as they are given to a model's layers. */
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

    /** The values of a constant, as many as {@code shape} has. */
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

    /** Leaves out what the definition says, after comparing it, and state. */
    private void dropState(Graph.Vertex layer, NeuronSpec neurons) {
      // ALIF keeps its momentary threshold under this name.
      Tensor threshold = unused.remove(name(layer, "spike_threshold"));
      if (threshold != null
          && neurons instanceof NeuronSpec.Spiking spiking
          && !(neurons instanceof NeuronSpec.ALIF)
          && !equal(spiking.spikeThreshold(), threshold)) {
        mistakes
            .in(name(layer, "spike_threshold"))
            .add("is not the model's, which is " + spiking.spikeThreshold());
      }
      Tensor least = unused.remove(name(layer, "min_v_mem"));
      Double its = neurons.minVMem();
      if (least != null && (its == null || !equal(Constant.of(its), least))) {
        mistakes
            .in(name(layer, "min_v_mem"))
            .add(
                (its == null ? "is not in the model" : "is not the model's, which is " + its)
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
          .limit(MOST_NAMES)
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
                + expected.stream().limit(MOST_NAMES).collect(Collectors.joining(", "))
                + (expected.size() > MOST_NAMES
                    ? " and " + (expected.size() - MOST_NAMES) + " more"
                    : ""));
      }
    }

    /** Drops the first part of all names while they share it and none is the model's. */
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
      // Where nothing fits, answers should name the arrays as they were sent.
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
