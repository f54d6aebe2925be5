package dev.spikewise.spec.layer;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A layer that joins the outputs of several layers. */
public sealed interface JoinSpec extends LayerSpec {

  /**
   * Shape of the joined output; null after reporting why the inputs do not fit each other.
   *
   * @param inputs shape of each input by the name of the layer
   */
  @Nullable Shape joinedShape(SequencedMap<String, Shape> inputs, Mistakes mistakes);

  @Override
  default @Nullable Shape outputShape(Shape input, Mistakes mistakes) {
    return input;
  }

  /** The sum of its inputs, which have the same shape: sinabs' Merge, for any number of inputs. */
  record Add() implements JoinSpec {
    @Override
    public @Nullable Shape joinedShape(SequencedMap<String, Shape> inputs, Mistakes mistakes) {
      if (inputs.values().stream().distinct().count() > 1) {
        mistakes.in("inputs").add("must have the same shape to be added, but were " + list(inputs));
        return null;
      }
      return inputs.firstEntry().getValue();
    }
  }

  /**
   * Concatenates its inputs along the channels, or along the features of flat inputs.
   *
   * @param dim axis along which the inputs are joined, counted with the batch as axis 0; 1, the
   *     channels, is the only one and the default
   */
  record Concat(Integer dim) implements JoinSpec {
    public Concat {
      dim = dim == null ? 1 : dim;
    }

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          dim == 1, "dim", "must be 1, the channel dimension (0 is the batch), but was " + dim);
    }

    @Override
    public @Nullable Shape joinedShape(SequencedMap<String, Shape> inputs, Mistakes mistakes) {
      if (inputs.values().stream().map(Concat::others).distinct().count() > 1) {
        mistakes
            .in("inputs")
            .add("must have the same shape apart from their channels, but were " + list(inputs));
        return null;
      }
      long channels = inputs.values().stream().mapToLong(shape -> shape.dim(0)).sum();
      var dims = new ArrayList<>(inputs.firstEntry().getValue().dims());
      dims.set(0, (int) Math.min(channels, Integer.MAX_VALUE));
      return new Shape(dims);
    }

    private static List<Integer> others(Shape shape) {
      return shape.dims().subList(1, shape.rank());
    }
  }

  private static String list(SequencedMap<String, Shape> inputs) {
    return inputs.entrySet().stream()
        .map(input -> "`" + input.getKey() + "` " + input.getValue())
        .collect(Collectors.joining(", "));
  }
}
