package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.layer.Signal.Frame;
import dev.spikewise.spec.layer.JoinSpec;
import java.util.Arrays;
import java.util.List;

/**
 * Adds or concatenates its inputs. Value i of input k goes to index {@code places[k][i]} of the
 * output, and its gradient comes from there.
 */
public final class Join extends Layer {

  private final List<Signal> inputs;
  private final int[][] places;
  private final Parallel parallel;

  public Join(String name, JoinSpec spec, List<Signal> inputs, Signal out, Parallel parallel) {
    super(name, out);
    this.inputs = inputs;
    this.parallel = parallel;
    places = new int[inputs.size()][];
    int channel = 0;
    for (int k = 0; k < places.length; k++) {
      places[k] = places(inputs.get(k).frame, out.frame, channel);
      channel += spec instanceof JoinSpec.Concat ? channels(inputs.get(k).frame, out.frame) : 0;
    }
  }

  /**
   * Layout of the output. A flattened map keeps the layout of the map; when flat inputs have
   * different layouts, the output has PyTorch's order.
   */
  public static Frame frame(JoinSpec spec, List<Frame> inputs) {
    Frame first = inputs.getFirst();
    boolean alike = inputs.stream().allMatch(f -> f.h() == first.h() && f.w() == first.w());
    return switch (spec) {
      case JoinSpec.Add _ ->
          inputs.stream().allMatch(first::equals) ? first : new Frame(1, 1, first.size());
      case JoinSpec.Concat _ ->
          alike
              ? new Frame(first.h(), first.w(), inputs.stream().mapToInt(Frame::c).sum())
              : new Frame(1, 1, inputs.stream().mapToInt(Frame::size).sum());
    };
  }

  private static boolean sameMap(Frame in, Frame out) {
    return in.h() == out.h() && in.w() == out.w();
  }

  private static int channels(Frame in, Frame out) {
    return sameMap(in, out) ? in.c() : in.size();
  }

  /**
   * @param channel output channel at which the input begins
   */
  private static int[] places(Frame in, Frame out, int channel) {
    int[] order = in.torchOrder();
    var places = new int[in.size()];
    for (int i = 0; i < places.length; i++) {
      places[i] = channel + (sameMap(in, out) ? i / in.c() * out.c() + i % in.c() : order[i]);
    }
    return places;
  }

  @Override
  public void forward(int from, int to) {
    parallel.run(
        to - from,
        s -> {
          int sample = from + s;
          Arrays.fill(out.data, out.at(sample), out.at(sample + 1), 0);
          for (int k = 0; k < places.length; k++) {
            Signal in = inputs.get(k);
            int[] place = places[k];
            for (int t = 0; t < out.steps; t++) {
              int x = in.at(sample) + t * in.stride();
              int y = out.at(sample) + t * out.frame.size();
              for (int i = 0; i < place.length; i++) {
                out.data[y + place[i]] += in.data[x + i];
              }
            }
          }
        });
  }

  /**
   * Computes the gradient of input {@code k}.
   *
   * @param add whether to add to the content of {@code gIn}
   */
  public void backward(int from, int to, Signal gOut, int k, Signal gIn, boolean add) {
    int[] place = places[k];
    parallel.run(
        to - from,
        s -> {
          int sample = from + s;
          if (!add) {
            Arrays.fill(gIn.data, gIn.at(sample), gIn.at(sample + 1), 0);
          }
          for (int t = 0; t < gOut.steps; t++) {
            int x = gIn.at(sample) + t * gIn.stride();
            int y = gOut.at(sample) + t * gOut.frame.size();
            for (int i = 0; i < place.length; i++) {
              gIn.data[x + i] += gOut.data[y + place[i]];
            }
          }
        });
  }
}
