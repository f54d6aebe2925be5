package dev.spikewise.snn.statistics;

import dev.spikewise.snn.layer.Activity;
import dev.spikewise.snn.layer.SpikeCount;
import dev.spikewise.snn.layer.Synaptic;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.world.Ranks;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Statistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Sums the counts of batches and computes statistics from them. */
public final class Counter {

  private static final int BINS = 20;

  private final int timeSteps;
  private final @Nullable Double dt;
  private final List<Synaptic> synapses;
  private final List<SpikeCount> neurons;
  private final List<Activity> rectifiers;
  private final double[] synops;
  private final double[][] spikes;
  private final double[] activity;
  private final Ranks ranks;
  private long samples;

  /**
   * @param dt length of a time step in seconds, if it has one
   */
  public Counter(Executor network, @Nullable Double dt) {
    this.dt = dt;
    timeSteps = network.timeSteps();
    ranks = network.ranks();
    synapses = network.counts().synapses();
    neurons = network.counts().neurons().stream().filter(SpikeCount::spikes).toList();
    rectifiers = network.counts().rectifiers();
    synops = new double[synapses.size()];
    activity = new double[rectifiers.size()];
    spikes = neurons.stream().map(n -> new double[n.counts().length]).toArray(double[][]::new);
  }

  public void clear() {
    samples = 0;
    Arrays.fill(synops, 0);
    Arrays.fill(activity, 0);
    for (double[] layer : spikes) {
      Arrays.fill(layer, 0);
    }
  }

  /** Adds the counts of the last batch of the network. */
  public void add(int batch) {
    samples += batch;
    for (int i = 0; i < synops.length; i++) {
      synops[i] += synapses.get(i).synops();
    }
    for (int i = 0; i < activity.length; i++) {
      activity[i] += rectifiers.get(i).activity();
    }
    for (int i = 0; i < spikes.length; i++) {
      double[] counts = neurons.get(i).counts();
      for (int n = 0; n < counts.length; n++) {
        spikes[i][n] += counts[n];
      }
    }
  }

  /** Ends the counting: adds what other processes counted of each neuron. */
  public void complete() {
    ranks.addWhole(List.of(spikes));
  }

  /** Number of samples counted. */
  public long samples() {
    return samples;
  }

  /** Synaptic operations per sample, summed over all layers. */
  public double synops() {
    return sum(synops) / samples;
  }

  /** Synaptic operations per sample of each parameter layer. */
  public Map<String, Double> synopsByLayer() {
    var byLayer = new LinkedHashMap<String, Double>();
    for (int i = 0; i < synops.length; i++) {
      byLayer.put(synapses.get(i).name(), synops[i] / samples);
    }
    return byLayer;
  }

  /** Spikes per neuron per time step, averaged over all spiking neurons. */
  public double firingRate() {
    double sum = 0;
    long count = 0;
    for (double[] layer : spikes) {
      sum += sum(layer);
      count += layer.length;
    }
    return count == 0 ? 0 : sum / ((double) samples * timeSteps * count);
  }

  /** Whether the network has spiking neurons and none of them fired. */
  public boolean silent() {
    return spikes.length > 0 && firingRate() == 0;
  }

  public Map<String, EpochMetrics.Parameter> epochParameters() {
    var byLayer = new LinkedHashMap<String, EpochMetrics.Parameter>();
    synopsByLayer().forEach((name, value) -> byLayer.put(name, new EpochMetrics.Parameter(value)));
    return byLayer;
  }

  public Map<String, EpochMetrics.Spiking> epochSpiking() {
    var byLayer = new LinkedHashMap<String, EpochMetrics.Spiking>();
    for (int i = 0; i < spikes.length; i++) {
      byLayer.put(neurons.get(i).name(), new EpochMetrics.Spiking(rate(i), silentRatio(spikes[i])));
    }
    return byLayer;
  }

  public Statistics statistics() {
    var parameter = new LinkedHashMap<String, Statistics.Parameter>();
    synopsByLayer()
        .forEach(
            (name, n) ->
                parameter.put(name, new Statistics.Parameter(n, n / timeSteps, perSecond(n))));
    var spiking = new LinkedHashMap<String, Statistics.Spiking>();
    long count = 0;
    for (int i = 0; i < spikes.length; i++) {
      count += spikes[i].length;
      spiking.put(
          neurons.get(i).name(),
          new Statistics.Spiking(
              spikes[i].length,
              rate(i),
              silentRatio(spikes[i]),
              saturatedRatio(rates(i)),
              histogram(rates(i))));
    }
    var activation = new LinkedHashMap<String, Statistics.Activation>();
    for (int i = 0; i < activity.length; i++) {
      activation.put(rectifiers.get(i).name(), new Statistics.Activation(activity[i] / samples));
    }
    double total = synops();
    return new Statistics(
        total,
        total / timeSteps,
        perSecond(total),
        firingRate(),
        count,
        parameter,
        spiking,
        activation,
        null,
        null,
        null,
        List.of(),
        null);
  }

  /**
   * Firing rate of every neuron in spikes per time step, in PyTorch's (C, H, W) order, by spiking
   * layer.
   */
  public Map<String, float[]> firingRates() {
    var byLayer = new LinkedHashMap<String, float[]>();
    for (int i = 0; i < spikes.length; i++) {
      byLayer.put(neurons.get(i).name(), rates(i));
    }
    return byLayer;
  }

  private float[] rates(int layer) {
    int[] order = neurons.get(layer).torchOrder();
    var rates = new float[order.length];
    for (int n = 0; n < rates.length; n++) {
      rates[order[n]] = (float) (spikes[layer][n] / ((double) samples * timeSteps));
    }
    return rates;
  }

  private @Nullable Double perSecond(double synops) {
    return dt == null ? null : synops / timeSteps / dt;
  }

  private double rate(int layer) {
    return sum(spikes[layer]) / ((double) samples * timeSteps * spikes[layer].length);
  }

  private static double sum(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum;
  }

  private static double silentRatio(double[] spikes) {
    int silent = 0;
    for (double s : spikes) {
      silent += s == 0 ? 1 : 0;
    }
    return (double) silent / spikes.length;
  }

  private static double saturatedRatio(float[] rates) {
    int saturated = 0;
    for (float rate : rates) {
      saturated += rate >= 1 ? 1 : 0;
    }
    return (double) saturated / rates.length;
  }

  private static Statistics.Histogram histogram(float[] rates) {
    double top = 0;
    for (float rate : rates) {
      top = Math.max(top, rate);
    }
    double width = (top == 0 ? 1 : top) / BINS;
    var edges = new ArrayList<Double>();
    for (int bin = 0; bin <= BINS; bin++) {
      edges.add(bin * width);
    }
    var counts = new Long[BINS];
    Arrays.fill(counts, 0L);
    for (float rate : rates) {
      counts[(int) Math.clamp(Math.floor(rate / width), 0, BINS - 1)]++;
    }
    return new Statistics.Histogram(edges, List.of(counts));
  }
}
