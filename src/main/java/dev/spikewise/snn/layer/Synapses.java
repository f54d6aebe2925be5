package dev.spikewise.snn.layer;

import dev.spikewise.snn.data.TorchRandom;
import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.TreeSum;
import dev.spikewise.snn.synops.Operations;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.layer.SynapticSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A parameter layer: Conv2d, ConvTranspose2d, or Linear as a convolution of a 1 x 1 map. Every
 * input spike causes one synaptic operation per synapse that it reaches.
 */
public final class Synapses extends UnaryLayer implements DifferenceCount {

  private final Wiring wiring;
  private final Kernels kernels;
  private final Kernels.Conv conv;
  private final Parameter weight;
  private final @Nullable Parameter bias;
  private final boolean first;
  private final boolean activeOnly;

  /**
   * For each input pixel, the number of synapses that an input of 1 reaches times the number of
   * spikes that it represents.
   */
  private final float[] fanOut;

  /** Number of time steps that an input frame represents; more than 1 for a constant input. */
  private final int stepsPerFrame;

  private final int maxFrames;
  private final double[] synopsPerFrame;
  private final Operations operations = new Operations();
  private @Nullable InputDifference difference;
  private final TreeSum synops = new TreeSum(1);
  private double @Nullable [] stepCounts;
  private boolean inLoss;
  private float synopsGradient;

  /**
   * Properties of the layer that follow from its place in the network.
   *
   * @param spikesPerUnit number of spikes that an input of 1 represents: the area of a preceding
   *     average pool, otherwise 1
   * @param first whether no layer before this one has trainable parameters
   * @param activeOnly whether the preceding layer ignores dL/din where the input is 0
   */
  public record Place(int spikesPerUnit, boolean first, boolean activeOnly) {}

  /**
   * @param input shape of the input in PyTorch
   */
  public Synapses(
      String name,
      SynapticSpec spec,
      Shape input,
      Place place,
      Signal in,
      Signal out,
      Extent extent,
      Kernels kernels) {
    super(name, in, out);
    this.kernels = kernels;
    first = place.first();
    activeOnly = place.activeOnly();
    Wiring geometry = wiring(spec, in.frame, out.frame);
    wiring = geometry.simplified();
    stepsPerFrame = extent.timeSteps() / in.steps;
    maxFrames = extent.block() * in.steps;
    conv = wiring.conv(kernels, maxFrames);
    weight =
        new Parameter(
            name + ".weight",
            spec.weightShape(input).dims().stream().mapToInt(d -> d).toArray(),
            torchOrder(geometry.shape()));
    bias =
        spec.bias()
            ? new Parameter(name + ".bias", new int[] {wiring.outC()}, identity(wiring.outC()))
            : null;
    int[] reach = geometry.fanOut();
    fanOut = new float[reach.length];
    for (int i = 0; i < reach.length; i++) {
      fanOut[i] = (float) reach[i] * place.spikesPerUnit();
    }
    synopsPerFrame = new double[maxFrames];
  }

  /**
   * Returns the connections of a layer between an input and an output with these layouts.
   *
   * @param out layout of the output, which a ConvTranspose2d needs because its input does not
   *     determine it
   */
  public static Wiring wiring(SynapticSpec spec, Signal.Frame in, Signal.Frame out) {
    return switch (spec) {
      case SynapticSpec.Conv2d c -> Wiring.of(geometry(c, in));
      case SynapticSpec.Conv1d c -> Wiring.of(geometry(c.asConv2d(), in));
      case SynapticSpec.ConvTranspose2d c -> new Wiring(geometry(c.reversed(in.c()), out), true);
      // A Linear layer after a Flatten is a convolution whose kernel covers the whole map, so that
      // its weights keep the order of the map.
      case SynapticSpec.Linear l ->
          Wiring.of(
              new ConvShape(
                  in.h(), in.w(), in.c(), l.outFeatures(), in.h(), in.w(), 1, 1, 0, 0, 1, 1, 1));
    };
  }

  private static ConvShape geometry(SynapticSpec.Conv2d c, Signal.Frame in) {
    return new ConvShape(
        in.h(),
        in.w(),
        in.c(),
        c.outChannels(),
        c.kernelSize().h(),
        c.kernelSize().w(),
        c.stride().h(),
        c.stride().w(),
        c.padding().h(),
        c.padding().w(),
        c.dilation().h(),
        c.dilation().w(),
        c.groups());
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public double synops() {
    return synops.value();
  }

  @Override
  public void countSteps(double @Nullable [] counts) {
    stepCounts = counts;
  }

  @Override
  public Operations operations() {
    return operations;
  }

  @Override
  public void measure(int from, int to) {
    operations.count(
        wiring.reach(weight.values()), in.data, in.at(from), (to - from) * in.steps, stepsPerFrame);
  }

  @Override
  public void addToLoss(double perSample) {
    inLoss = true;
    synopsGradient += (float) perSample;
  }

  /**
   * Whether the loss contains the synops of this layer and a preceding layer can be trained by
   * their gradient.
   */
  public boolean inLoss() {
    return inLoss && !first;
  }

  @Override
  public int outputs() {
    return out.frame.size();
  }

  @Override
  public void countDifference() {
    difference = new InputDifference(wiring, maxFrames, kernels);
  }

  @Override
  public double difference() {
    return Objects.requireNonNull(difference).value() * stepsPerFrame;
  }

  @Override
  public void addDifferenceToLoss(double perOutput) {
    Objects.requireNonNull(difference).addToLoss(perOutput * stepsPerFrame);
  }

  @Override
  public boolean needsOutputGradient() {
    return difference != null && difference.inLoss();
  }

  @Override
  public void draw(TorchRandom random) {
    float bound = (float) (1 / Math.sqrt(wiring.fanIn()));
    weight.draw(random, bound);
    if (bias != null) {
      bias.draw(random, bound);
    }
  }

  @Override
  public List<Parameter> parameters() {
    var all = new ArrayList<>(List.of(weight));
    if (bias != null) {
      all.add(bias);
    }
    return all;
  }

  @Override
  public List<TreeSum> sums() {
    return difference == null ? List.of(synops) : List.of(synops, difference.sum());
  }

  @Override
  public void reset() {
    synops.clear();
    operations.reset();
    if (difference != null) {
      difference.reset();
    }
    inLoss = false;
    synopsGradient = 0;
  }

  @Override
  public void forward(int from, int to) {
    int frames = (to - from) * in.steps;
    if (!again) {
      count(from, frames);
    }
    conv.forward(
        in.data,
        in.at(from),
        weight.values(),
        bias == null ? null : bias.values(),
        out.data,
        out.at(from),
        frames);
    if (difference != null && !again) {
      for (int first = from; first < to; ) {
        int last = Math.min(to, chunks.end(first));
        int n = (last - first) * in.steps;
        difference.forward(in.data, in.at(first), weight.values(), out.data, out.at(first), n);
        if (last == chunks.end(first)) {
          difference.endChunk();
        }
        first = last;
      }
    }
  }

  private void count(int from, int frames) {
    int size = in.frame.size();
    int channels = size / fanOut.length;
    kernels
        .parallel()
        .run(
            frames,
            f ->
                synopsPerFrame[f] =
                    kernels.weightedSum(in.data, in.at(from) + f * size, channels, fanOut));
    for (int f = 0; f < frames; f++) {
      synops.add(synopsPerFrame[f] * stepsPerFrame);
      if (stepCounts != null) {
        int at = from * in.steps * stepsPerFrame + f * stepsPerFrame;
        for (int t = 0; t < stepsPerFrame; t++) {
          stepCounts[at + t] += synopsPerFrame[f];
        }
      }
      if ((f + 1) % in.steps == 0 && chunks.isLast(from + f / in.steps)) {
        synops.endChunk();
      }
    }
  }

  @Override
  public void backward(int from, int to, Signal gOut, Signal gIn) {
    int frames = (to - from) * in.steps;
    InputDifference cancelled = needsOutputGradient() ? difference : null;
    if (cancelled != null) {
      cancelled.addOutputGradient(
          in.data,
          in.at(from),
          weight.values(),
          bias == null ? null : bias.values(),
          gOut.data,
          gOut.at(from),
          frames);
    }
    forEachChunk(
        from, to, kernels.parallel(), (first, last) -> addGradients(first, last, gOut, cancelled));
    if (!first) {
      inputGradient(from, to, gOut, gIn);
    }
    if (cancelled != null && !first) {
      cancelled.addInputGradient(weight.values(), gIn.data, gIn.at(from), frames);
    }
  }

  /**
   * Chunks choose their loops each for itself, so that results do not depend on how a batch is cut
   * into blocks; those that choose alike are computed together.
   */
  private void inputGradient(int from, int to, Signal gOut, Signal gIn) {
    if (to <= chunks.end(from)) {
      int n = (to - from) * in.steps;
      conv.inputGradient(
          gOut.data,
          gOut.at(from),
          weight.values(),
          gIn.data,
          gIn.at(from),
          n,
          activeOnly ? in.data : null,
          in.at(from));
      return;
    }
    int start = from;
    int loops = inputGradientLoops(from, to, gOut);
    for (int next = chunks.end(from); start < to; next = chunks.end(next)) {
      int nextLoops = next < to ? inputGradientLoops(next, to, gOut) : -1;
      if (nextLoops != loops) {
        conv.inputGradient(
            gOut.data,
            gOut.at(start),
            weight.values(),
            gIn.data,
            gIn.at(start),
            (next - start) * in.steps,
            activeOnly ? in.data : null,
            in.at(start),
            loops);
        start = next;
        loops = nextLoops;
      }
    }
  }

  /** Of the chunk that starts at a sample, as far as it lies before {@code to}. */
  private int inputGradientLoops(int from, int to, Signal gOut) {
    return conv.inputGradientLoops(
        gOut.data,
        gOut.at(from),
        (Math.min(to, chunks.end(from)) - from) * in.steps,
        activeOnly ? in.data : null,
        in.at(from));
  }

  @Override
  public boolean endsChunks() {
    return true;
  }

  private void addGradients(int from, int to, Signal gOut, @Nullable InputDifference cancelled) {
    int frames = (to - from) * in.steps;
    weight.reach();
    conv.weightGradient(in.data, in.at(from), gOut.data, gOut.at(from), weight.gradient(), frames);
    if (bias != null) {
      bias.reach();
      addColumns(gOut.data, gOut.at(from), frames * wiring.outPixels(), bias.gradient());
    }
    if (cancelled != null) {
      cancelled.addWeightGradient(in.data, in.at(from), weight.values(), weight.gradient(), frames);
    }
  }

  /**
   * Adds dL/din of the synops in the loss, which is equal for all spikes that reach the same number
   * of synapses.
   */
  public void addSynopsGradient(int from, int to, Signal gIn) {
    int frames = (to - from) * in.steps;
    int size = in.frame.size();
    int channels = size / fanOut.length;
    int at = gIn.at(from);
    kernels
        .parallel()
        .run(
            frames,
            f ->
                kernels.addWeights(
                    gIn.data, at + f * size, channels, fanOut, synopsGradient * stepsPerFrame));
  }

  public static void addColumns(float[] g, int at, int rows, float[] sums) {
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < sums.length; c++) {
        sums[c] += g[at + r * sums.length + c];
      }
    }
  }

  public static int[] identity(int n) {
    return java.util.stream.IntStream.range(0, n).toArray();
  }

  /**
   * Order of the weights: [groups, kH, kW, Cin / groups, Cout / groups] here, [Cout, Cin / groups,
   * kH, kW] in PyTorch.
   */
  private static int[] torchOrder(ConvShape s) {
    var order = new int[s.weights()];
    int groupIn = s.inCPerGroup();
    int groupOut = s.outCPerGroup();
    int area = s.kH() * s.kW();
    for (int i = 0; i < order.length; i++) {
      int o = i % groupOut;
      int c = i / groupOut % groupIn;
      int tap = i / groupOut / groupIn % area;
      int g = i / groupOut / groupIn / area;
      order[i] = ((g * groupOut + o) * groupIn + c) * area + tap;
    }
    return order;
  }
}
