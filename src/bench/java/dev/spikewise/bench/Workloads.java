package dev.spikewise.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.spikewise.json.ModelModule;
import dev.spikewise.mpi.MpiWorld;
import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.nd4j.Nd4jKernels;
import dev.spikewise.snn.kernel.vector.VectorKernels;
import dev.spikewise.snn.loss.Loss;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.snn.optim.Optimizer;
import dev.spikewise.snn.statistics.Counter;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.world.Ranks;
import dev.spikewise.snn.world.World;
import dev.spikewise.spec.LossTerm;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.OptimizerSpec;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * One row of {@code src/bench/workloads/workloads.json} on the engine alone: a training step is the
 * forward pass, cross-entropy of the summed output, statistics, the backward pass and Adam at
 * 0.001. Prints milliseconds per batch (median and minimum of the rounds, and CPU time of the
 * process), peak resident memory and the mean firing rate; with {@code --profile}, time per layer
 * and kernel too.
 *
 * <p>Weights are PyTorch's defaults at seed 1. Input values come from a hash of their position
 * (SplitMix64), so that the peers' scripts draw the same ones.
 *
 * <p>Options: {@code --rounds N}, {@code --threads N}, {@code --warm-up SECONDS}, {@code --batch
 * N}, {@code --steps N}, {@code --density D} (of the input), {@code --width F} (times as many
 * features and channels in all layers but the last), {@code --profile}, {@code --kernels vector} or
 * {@code nd4j} (convolutions by ND4J's oneDNN).
 */
public final class Workloads {

  static final JsonMapper JSON =
      JsonMapper.builder()
          .addModule(new ModelModule())
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .build();
  private static final double LEARNING_RATE = 1e-3;

  private final ModelSpec model;
  private final int batchSize;
  private final int timeSteps;
  private final int batches;
  private final boolean constant;
  private final double density;
  private final ProfiledKernels kernels;
  private final Ranks ranks;
  private final CpuExecutor network;
  private final Loss loss;
  private final Optimizer optimizer;
  private final Counter counter;
  private final int[] labels;
  private final StateDict initial;
  private final LayerClock forward;
  private final LayerClock backward;

  /** By layer of the network: nanoseconds of the forward and of the backward pass. */
  private final Map<String, long[]> layerTimes = new LinkedHashMap<>();

  Workloads(JsonNode row, Map<String, String> options) {
    this(row, options, World.ALONE);
  }

  private Workloads(JsonNode row, Map<String, String> options, World world) {
    ranks = new Ranks(world);
    double width = Double.parseDouble(options.getOrDefault("--width", "1"));
    model = JSON.treeToValue(widened(row.get("model"), width), ModelSpec.class);
    batchSize = intOption(options, "--batch", row.get("batch_size").asInt());
    timeSteps = intOption(options, "--steps", row.get("time_steps").asInt());
    density =
        options.containsKey("--density")
            ? Double.parseDouble(options.get("--density"))
            : row.get("input_density").asDouble();
    batches = row.get("batches").asInt();
    constant = row.get("encoding").asString().equals("constant");
    kernels =
        new ProfiledKernels(
            kernels(
                options.getOrDefault("--kernels", "vector"), intOption(options, "--threads", 2)));
    network =
        new CpuExecutor(model, batchSize, timeSteps, constant, Purpose.TRAINING, kernels, ranks);
    network.draw(1);
    initial = network.stateDict();
    network.train(true);
    loss =
        new Loss(
            List.of(new LossTerm.CrossEntropy(null, null)),
            network,
            ranks.mostSamples(batchSize),
            null,
            Map.of());
    var adam = new OptimizerSpec.Adam(LEARNING_RATE, null, null, null, null);
    optimizer = Optimizer.of(adam, network.parameters(), kernels);
    counter = new Counter(network, null);
    var share = ranks.share(batchSize);
    labels = new int[share.size()];
    Arrays.setAll(labels, b -> (share.first() + b) % network.outputs());
    forward = new LayerClock(network.layerNames(), 0);
    backward = new LayerClock(network.layerNames().reversed(), 1);
    drawInput(share.first());
  }

  /**
   * The same network with {@code width} times as many outputs of each layer of weights but the
   * last.
   */
  private static JsonNode widened(JsonNode model, double width) {
    JsonNode copy = model.deepCopy();
    var weights = new ArrayList<ObjectNode>();
    for (JsonNode layer : copy.get("layers")) {
      if (layer.has("out_features") || layer.has("out_channels")) {
        weights.add((ObjectNode) layer);
      }
    }
    for (ObjectNode layer : weights.subList(0, weights.size() - 1)) {
      for (String size : List.of("out_features", "out_channels", "groups")) {
        if (layer.has(size)) {
          layer.put(size, (int) (width * layer.get(size).asInt()));
        }
      }
    }
    return copy;
  }

  private static int intOption(Map<String, String> options, String name, int otherwise) {
    return options.containsKey(name) ? Integer.parseInt(options.get(name)) : otherwise;
  }

  /** A number in [0, 1) from a hash of {@code i}: SplitMix64. */
  private static double uniform(long i) {
    long z = (i + 1) * 0x9E3779B97F4A7C15L;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return ((z ^ z >>> 31) >>> 11) * 0x1p-53;
  }

  /**
   * Spikes at the given density, or values between 0 and 1 that stay, in PyTorch's order.
   *
   * @param first the first sample of the batch that this process computes
   */
  private void drawInput(int first) {
    int[] order = network.inputOrder();
    float[] x = network.input();
    long start = (long) first * network.inputSize();
    for (int i = 0; i < x.length; i++) {
      long at = start + (long) i / order.length * order.length + order[i % order.length];
      float value = constant ? (float) uniform(~at) : 1;
      x[i] = uniform(at) < density ? value : 0;
    }
  }

  private void step(LayerClock forward, LayerClock backward) {
    network.reset();
    network.forward(batchSize, forward);
    forward.book();
    loss.compute(batchSize, labels);
    counter.add(batchSize);
    network.backward(batchSize, loss.gradients(), backward);
    backward.book();
    optimizer.step(LEARNING_RATE);
  }

  /**
   * Milliseconds per batch, by the clock and of all processors.
   *
   * @param exchangeMs for sums over all processes, of the clock's time
   * @param waitMs for transfers and other processes, of {@code exchangeMs}
   * @param sentBytes bytes per batch that this process sent
   */
  record Round(double ms, double cpuMs, double exchangeMs, double waitMs, double sentBytes) {}

  /** Starts from the initial weights, so that layers fire as much in each round. */
  private Round round() {
    network.load(initial);
    counter.clear();
    ranks.addWhole(0); // all begin together
    long exchanged = ranks.exchangeNanos();
    long waited = ranks.waitNanos();
    long sent = ranks.sentBytes();
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long cpu = system.getProcessCpuTime();
    long start = System.nanoTime();
    for (int i = 0; i < batches; i++) {
      step(forward, backward);
    }
    counter.complete();
    return new Round(
        (System.nanoTime() - start) / 1e6 / batches,
        (system.getProcessCpuTime() - cpu) / 1e6 / batches,
        (ranks.exchangeNanos() - exchanged) / 1e6 / batches,
        (ranks.waitNanos() - waited) / 1e6 / batches,
        (double) (ranks.sentBytes() - sent) / batches);
  }

  /** The round with the least CPU time, after {@code seconds} of warm-up. */
  Round best(double seconds, int rounds) {
    warmUp(seconds);
    Round best = round();
    for (int i = 1; i < rounds; i++) {
      Round next = round();
      best = next.cpuMs() < best.cpuMs() ? next : best;
    }
    return best;
  }

  double firingRate() {
    return counter.firingRate();
  }

  void close() {
    kernels.close();
  }

  private void warmUp(double seconds) {
    long end = System.nanoTime() + (long) (1e9 * seconds);
    for (int i = 0; i < 2 || ranks.asFirst(System.nanoTime() < end); i++) {
      round();
    }
  }

  private void profile(int steps) {
    layerTimes.clear();
    kernels.start();
    long start = System.nanoTime();
    for (int i = 0; i < steps; i++) {
      if (i % batches == 0) {
        network.load(initial);
      }
      step(forward, backward);
    }
    double all = (System.nanoTime() - start) / 1e6 / steps;
    System.out.printf("%-26s %10s %10s%n", "layer", "forward", "backward");
    layerTimes.forEach(
        (name, t) ->
            System.out.printf(
                "%-26s %10.2f %10.2f%n", name, t[0] / 1e6 / steps, t[1] / 1e6 / steps));
    System.out.printf("%-26s %10.2f%n%n", "whole step", all);
    kernels.print(steps);
  }

  /** Called before each layer: books the time since its last call on the layer before. */
  private final class LayerClock implements Runnable {
    private final List<String> names;
    private final int direction;
    private int next;
    private long since;

    LayerClock(List<String> names, int direction) {
      this.names = names;
      this.direction = direction;
    }

    @Override
    public void run() {
      book();
      next++;
      since = System.nanoTime();
    }

    /** Ends the pass. */
    void book() {
      if (since != 0) {
        String name = names.get((next - 1) % names.size());
        layerTimes.computeIfAbsent(name, _ -> new long[2])[direction] += System.nanoTime() - since;
      }
      since = 0;
    }
  }

  private static double peakMb() throws IOException {
    try (var lines = Files.lines(Path.of("/proc/self/status"))) {
      return lines
              .filter(line -> line.startsWith("VmHWM"))
              .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
              .findFirst()
              .orElse(0)
          / 1024.0;
    }
  }

  private void run(String name, Map<String, String> options) throws IOException {
    warmUp(intOption(options, "--warm-up", 12));
    if (options.containsKey("--profile")) {
      profile(batches * intOption(options, "--rounds", 3));
    }
    var rounds = new Round[intOption(options, "--rounds", 3)];
    for (int i = 0; i < rounds.length; i++) {
      rounds[i] = round();
    }
    double[] times = Arrays.stream(rounds).mapToDouble(Round::ms).sorted().toArray();
    double[] cpu = Arrays.stream(rounds).mapToDouble(Round::cpuMs).sorted().toArray();
    if (!ranks.isFirst()) {
      close();
      return;
    }
    System.out.printf(
        Locale.ROOT,
        "%s %s %.2f ms, least %.2f, CPU %.2f, peak %.0f MB, firing rate %.3f%n",
        name,
        options.getOrDefault("--kernels", "spikewise"),
        times[times.length / 2],
        times[0],
        cpu[cpu.length / 2],
        peakMb(),
        firingRate());
    if (!ranks.alone()) {
      Arrays.sort(rounds, Comparator.comparingDouble(Round::ms));
      Round median = rounds[rounds.length / 2];
      System.out.printf(
          Locale.ROOT,
          "%s rank 0 of %d: computing %.2f ms, adding %.2f, transfers and waiting %.2f, %.0f bytes"
              + " sent%n",
          name,
          ranks.size(),
          median.ms() - median.exchangeMs(),
          median.exchangeMs() - median.waitMs(),
          median.waitMs(),
          median.sentBytes());
    }
    close();
  }

  private static Kernels kernels(String name, int threads) {
    var vector = new VectorKernels(threads);
    return switch (name) {
      case "vector" -> vector;
      case "nd4j" -> new Nd4jKernels(vector);
      default -> throw new IllegalArgumentException("--kernels must be vector or nd4j: " + name);
    };
  }

  static JsonNode row(String name) {
    var rows = JSON.readTree(Path.of("src/bench/workloads/workloads.json").toFile());
    JsonNode row = rows.get(name);
    if (row == null) {
      throw new IllegalArgumentException(
          "no workload " + name + ": use one of " + rows.propertyNames());
    }
    return row;
  }

  public static void main(String[] args) throws IOException {
    var options = new LinkedHashMap<String, String>();
    for (int i = 1; i < args.length; i++) {
      options.put(args[i], args[i].equals("--profile") ? "" : args[++i]);
    }
    var world = MpiWorld.join(null, Duration.ofMinutes(10));
    new Workloads(row(args[0]), options, world.isPresent() ? world.get() : World.ALONE)
        .run(args[0], options);
    world.ifPresent(MpiWorld::finish);
  }
}
