package dev.spikewise.snn.data;

import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Encodes the samples of an {@link InputSpec}. Every random number depends only on seed, epoch and
 * sample, so that a training can be resumed at any epoch.
 */
public final class Feed {

  /**
   * Epoch number for encoding test samples, so that they get the same random numbers every time.
   */
  public static final int TEST_EPOCH = -1;

  private final InputSpec spec;
  private final @Nullable Dataset dataset;
  private final long seed;
  private final int timeSteps;
  private final int frame;
  private final int[] train;
  private final int[] test;
  private final @Nullable Augmenter augmenter;
  private final ThreadLocal<float[]> scratch = ThreadLocal.withInitial(() -> new float[0]);
  private final ThreadLocal<float[]> augmented = ThreadLocal.withInitial(() -> new float[0]);

  /**
   * @param dataset data set that {@code spec} refers to; null for other inputs
   * @param batchSize number of samples per epoch when the input is not a data set
   */
  public Feed(
      InputSpec spec,
      @Nullable Dataset dataset,
      ModelSpec model,
      int batchSize,
      int timeSteps,
      long seed) {
    this.spec = spec;
    this.dataset = dataset;
    this.seed = seed;
    this.timeSteps = timeSteps;
    augmenter =
        dataset == null || dataset.augmentation() == null
            ? null
            : new Augmenter(dataset.augmentation(), dataset.shape());
    frame = model.graph().inputShape().size();
    if (spec instanceof InputSpec.FromDataset from) {
      var split = Split.of(from, Objects.requireNonNull(dataset), seed);
      train = split.train();
      test = split.test();
    } else {
      train = IntStream.range(0, batchSize).toArray();
      test = new int[0];
    }
  }

  /** Number of training samples per epoch, without building a feed. */
  public static long trainSize(InputSpec.FromDataset from, Dataset dataset) {
    return Split.of(from, dataset, 0).train().length;
  }

  /** Number of test samples, without building a feed. */
  public static int testSize(InputSpec.FromDataset from, Dataset dataset) {
    return Split.of(from, dataset, 0).test().length;
  }

  static int[] shuffle(int[] samples, SplittableRandom random) {
    for (int i = samples.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swap = samples[i];
      samples[i] = samples[j];
      samples[j] = swap;
    }
    return samples;
  }

  /** Whether all time steps of a sample are equal, so that one is enough. */
  public static boolean constant(InputSpec spec) {
    return switch (spec) {
      case InputSpec.Constant _ -> true;
      case InputSpec.Poisson _ -> false;
      case InputSpec.FromDataset d -> d.encoding() == InputSpec.Encoding.CONSTANT;
    };
  }

  public int trainSize() {
    return train.length;
  }

  public int testSize() {
    return test.length;
  }

  public boolean labelled() {
    return dataset != null;
  }

  /** The training samples in the order of an epoch. */
  public int[] order(int epoch) {
    if (!(spec instanceof InputSpec.FromDataset from)) {
      return train;
    }
    var random = new SplittableRandom(mix(seed, epoch, -1));
    int[] mixed = shuffle(train.clone(), random);
    return switch (from.shuffle()) {
      case RANDOM -> mixed;
      case BALANCED -> spread(mixed, random);
    };
  }

  /** Interleaves the classes evenly, each from a random start and in the given order. */
  private int[] spread(int[] samples, SplittableRandom random) {
    int classes = IntStream.of(samples).map(this::label).max().orElse(0) + 1;
    var size = new int[classes];
    for (int sample : samples) {
      size[label(sample)]++;
    }
    double[] start = random.doubles(classes).toArray();
    var taken = new int[classes];
    var place = new double[samples.length];
    for (int i = 0; i < samples.length; i++) {
      int c = label(samples[i]);
      place[i] = (taken[c]++ + start[c]) / size[c];
    }
    return IntStream.range(0, samples.length)
        .boxed()
        .sorted(Comparator.comparingDouble(i -> place[i]))
        .mapToInt(i -> samples[i])
        .toArray();
  }

  /** The training samples in a fixed order. */
  public int[] trainSamples() {
    return train;
  }

  public int[] testSamples() {
    return test;
  }

  /** Number of labels of a sample that the network reads: 1, or one per time step. */
  public int labelsPerSample() {
    return dataset != null && dataset.hasLabelsPerStep() ? timeSteps : 1;
  }

  public int label(int sample) {
    return label(sample, 0);
  }

  /**
   * @param k less than {@link #labelsPerSample}
   */
  public int label(int sample, int k) {
    var data = Objects.requireNonNull(dataset);
    return data.labels()[sample * data.labelsPerSample() + k];
  }

  /**
   * Encodes a sample into {@code into[at..]}, [T or 1, H, W, C]; {@code order} as in
   * Executor.inputOrder.
   */
  public void encode(int epoch, int sample, int[] order, float[] into, int at) {
    encode(epoch, sample, order, into, at, false);
  }

  /** Encodes a training sample with the data set's augmentation; otherwise like {@link #encode}. */
  public void encodeForTraining(int epoch, int sample, int[] order, float[] into, int at) {
    encode(epoch, sample, order, into, at, true);
  }

  private void encode(
      int epoch, int sample, int[] order, float[] into, int at, boolean augmenting) {
    switch (spec) {
      case InputSpec.Constant c -> Arrays.fill(into, at, at + frame, c.value().floatValue());
      case InputSpec.Poisson p -> {
        var random = new SplittableRandom(mix(seed, epoch, sample));
        int limit = limit(p.rate().floatValue());
        for (int i = 0; i < timeSteps * frame; i++) {
          into[at + i] = (random.nextInt() >>> 8) < limit ? 1 : 0;
        }
      }
      case InputSpec.FromDataset d -> {
        float[] values = values(sample);
        if (augmenting && augmenter != null) {
          int size = Objects.requireNonNull(dataset).values().sampleSize();
          float[] changed = ofSize(augmented, size);
          augmenter.apply(values, changed, size, new SplittableRandom(~mix(~seed, epoch, sample)));
          values = changed;
        }
        encode(d, values, mix(seed, epoch, sample), order, into, at);
      }
    }
  }

  private void encode(
      InputSpec.FromDataset input, float[] values, long seed, int[] order, float[] into, int at) {
    switch (input.encoding()) {
      case CONSTANT -> {
        for (int i = 0; i < frame; i++) {
          into[at + i] = values[order[i]];
        }
      }
      case RATE -> {
        var random = new SplittableRandom(seed);
        for (int i = 0; i < frame; i++) {
          int limit = limit(values[order[i]]);
          for (int t = 0; t < timeSteps; t++) {
            into[at + t * frame + i] = limit > 0 && (random.nextInt() >>> 8) < limit ? 1 : 0;
          }
        }
      }
      case LATENCY -> {
        Arrays.fill(into, at, at + timeSteps * frame, 0);
        for (int i = 0; i < frame; i++) {
          float value = values[order[i]];
          if (value > 0) {
            int t = Math.round((1 - Math.min(value, 1)) * (timeSteps - 1));
            into[at + t * frame + i] = 1;
          }
        }
      }
      case DELTA -> {
        float threshold = input.deltaThreshold().floatValue();
        for (int i = 0; i < frame; i++) {
          float before = 0;
          for (int t = 0; t < timeSteps; t++) {
            float value = values[t * frame + order[i]];
            into[at + t * frame + i] = value - before >= threshold ? 1 : 0;
            before = value;
          }
        }
      }
      case SPIKES -> {
        for (int t = 0; t < timeSteps; t++) {
          for (int i = 0; i < frame; i++) {
            into[at + t * frame + i] = values[t * frame + order[i]];
          }
        }
      }
    }
  }

  /** Reads the values of a sample into an array that is reused by this thread. */
  private float[] values(int sample) {
    var samples = Objects.requireNonNull(dataset).values();
    float[] values = ofSize(scratch, samples.sampleSize());
    samples.read(sample, values);
    return values;
  }

  private static float[] ofSize(ThreadLocal<float[]> holder, int size) {
    if (holder.get().length < size) {
      holder.set(new float[size]);
    }
    return holder.get();
  }

  /** Threshold that a random number of 24 bits is below with the given probability. */
  private static int limit(float probability) {
    return (int) (probability * (1 << 24));
  }

  /** Seed for random numbers inside the network (dropout, stochastic rounding) for a sample. */
  public long networkSeed(int epoch, int sample) {
    return ~mix(seed, epoch, sample);
  }

  private static long mix(long seed, int epoch, int sample) {
    long z =
        seed * 0x9E3779B97F4A7C15L + epoch * 0xBF58476D1CE4E5B9L + sample * 0x94D049BB133111EBL;
    z = (z ^ z >>> 32) * 0xD6E8FEB86659FD93L;
    return z ^ z >>> 32;
  }
}
