package dev.spikewise.snn.world;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.spikewise.snn.kernel.ChunkTree;
import dev.spikewise.snn.kernel.SampleChunks;
import dev.spikewise.snn.kernel.TreeSum;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The share of a process in each batch, and sums over the samples of all processes. The sums are
 * bit-identical for any number of processes: each process adds the subtrees of {@link ChunkTree}
 * that are complete in its chunks, and the remaining levels are added in the order of the tree.
 */
public final class Ranks {

  /** A single process, whose sums are complete at once. */
  public static final Ranks ALONE = new Ranks(World.ALONE);

  private final World world;
  private MemorySegment memory = MemorySegment.NULL;
  private long exchangeNanos;
  private long waitNanos;
  private long exchangedBytes;
  private long samples;

  public Ranks(World world) {
    this.world = world;
  }

  public int rank() {
    return world.rank();
  }

  public int size() {
    return world.size();
  }

  public boolean alone() {
    return world.size() == 1;
  }

  /** Whether this is process 0, which reports results. */
  public boolean isFirst() {
    return world.rank() == 0;
  }

  /**
   * Time that this process spent on sums over all processes, in nanoseconds: copying, adding, and
   * {@link #waitNanos waiting}.
   */
  public long exchangeNanos() {
    return exchangeNanos;
  }

  /** Time that this process spent on transfers and waiting for other processes, in nanoseconds. */
  public long waitNanos() {
    return waitNanos;
  }

  /** Bytes that this process sent. */
  public long sentBytes() {
    return exchangedBytes;
  }

  /** Number of samples that this process has computed; repeated passes count again. */
  public long samples() {
    return samples;
  }

  /** Records that this process starts to compute its share of a batch. */
  public void begin(SampleChunks share) {
    samples += share.size();
  }

  /** The chunks of a batch that this process computes. */
  public SampleChunks share(int samples) {
    return SampleChunks.share(samples, world.rank(), world.size());
  }

  /**
   * Maximum number of samples that this process computes of any batch of up to {@code batchSize}
   * samples.
   */
  public int mostSamples(int batchSize) {
    if (alone()) {
      return batchSize;
    }
    int most = 1;
    for (int samples = 1; samples <= batchSize; samples++) {
      most = Math.max(most, share(samples).size());
    }
    return most;
  }

  /** Completes sums over the chunks of this process to sums over the whole batch. */
  public void complete(int samples, List<TreeSum> sums) {
    if (alone() || sums.isEmpty()) {
      return;
    }
    long begin = System.nanoTime();
    int width = sums.stream().mapToInt(TreeSum::size).sum();
    int count = share(samples).count();
    var firstOf = new int[count];
    var starts = new boolean[count];
    var parts = new long[size() + 1];
    int subtrees = 0;
    for (int r = 0; r < size(); r++) {
      var of = SampleChunks.share(samples, r, size());
      for (int chunk : ChunkTree.subtrees(count, of.from(), of.to())) {
        starts[chunk] = true;
        firstOf[chunk] = subtrees++;
      }
      parts[r + 1] = (long) subtrees * width * Double.BYTES;
    }
    var all = memory(parts[size()]);
    var mine = share(samples);
    int at = (int) (parts[rank()] / Double.BYTES);
    int own = (int) ((parts[rank() + 1] - parts[rank()]) / Double.BYTES) / width;
    int offset = 0;
    for (TreeSum sum : sums) {
      var values = new double[own * sum.size()];
      sum.subtrees(mine, values, 0);
      for (int k = 0; k < own; k++) {
        MemorySegment.copy(
            values,
            k * sum.size(),
            all,
            JAVA_DOUBLE,
            (at + (long) k * width + offset) * Double.BYTES,
            sum.size());
      }
      offset += sum.size();
    }
    allGather(all, parts);
    offset = 0;
    for (TreeSum sum : sums) {
      long from = offset;
      sum.complete(
          starts.clone(),
          (chunk, into) ->
              MemorySegment.copy(
                  all,
                  JAVA_DOUBLE,
                  ((long) firstOf[chunk] * width + from) * Double.BYTES,
                  into,
                  0,
                  into.length));
      offset += sum.size();
    }
    exchangeNanos += System.nanoTime() - begin;
  }

  /** Adds integers of all processes, whose sums do not depend on the order. */
  public void addWhole(List<double[]> numbers) {
    int width = numbers.stream().mapToInt(n -> n.length).sum();
    if (alone() || width == 0) {
      return;
    }
    long begin = System.nanoTime();
    var parts = new long[size() + 1];
    Arrays.setAll(parts, r -> (long) r * width * Double.BYTES);
    var all = memory(parts[size()]);
    long at = parts[rank()];
    for (double[] n : numbers) {
      MemorySegment.copy(n, 0, all, JAVA_DOUBLE, at, n.length);
      at += (long) n.length * Double.BYTES;
    }
    allGather(all, parts);
    long offset = 0;
    for (double[] n : numbers) {
      Arrays.fill(n, 0);
      for (int r = 0; r < size(); r++) {
        for (int i = 0; i < n.length; i++) {
          n[i] += all.get(JAVA_DOUBLE, parts[r] + offset + (long) i * Double.BYTES);
        }
      }
      offset += (long) n.length * Double.BYTES;
    }
    exchangeNanos += System.nanoTime() - begin;
  }

  /** Sum of an integer over all processes. */
  public long addWhole(long number) {
    double[] sum = {number};
    addWhole(List.of(sum));
    return (long) sum[0];
  }

  /** Returns the value of process 0 on every process. */
  public boolean asFirst(boolean mine) {
    return addWhole(isFirst() && mine ? 1 : 0) > 0;
  }

  /** Collects one number of every process, by rank. */
  public long[] all(long mine) {
    var numbers = new double[2 * size()];
    numbers[2 * rank()] = mine >>> 32;
    numbers[2 * rank() + 1] = mine & 0xFFFF_FFFFL;
    addWhole(List.of(numbers));
    var all = new long[size()];
    Arrays.setAll(all, r -> (long) numbers[2 * r] << 32 | (long) numbers[2 * r + 1]);
    return all;
  }

  /** Input and output of {@link #addGradients}: arrays, each with one sum per subtree. */
  public interface Gradients {

    /** Lengths of the arrays, which must be equal on every process. */
    int[] lengths();

    /** This process's sum of array {@code i} over its {@code k}th subtree. */
    float[] subtree(int i, int k);

    /** Destination of the sum of array {@code i} over the whole batch. */
    float[] total(int i);
  }

  /**
   * Completes the sums of float arrays: each process adds one segment of all arrays and sends it to
   * the others.
   */
  public void addGradients(int samples, Gradients gradients) {
    if (alone()) {
      return;
    }
    long begin = System.nanoTime();
    int[] lengths = gradients.lengths();
    long all = Arrays.stream(lengths).asLongStream().sum();
    int count = share(samples).count();
    var subtrees = new int[size()][];
    for (int r = 0; r < size(); r++) {
      var of = SampleChunks.share(samples, r, size());
      subtrees[r] = ChunkTree.subtrees(count, of.from(), of.to());
    }
    var segments = new long[size() + 1];
    Arrays.setAll(segments, r -> all * r / size() * Float.BYTES);
    int own = subtrees[rank()].length;
    int foreign = Arrays.stream(subtrees).mapToInt(s -> s.length).sum() - own;
    long mySegment = segments[rank() + 1] - segments[rank()];
    long bytes = all * Float.BYTES;
    var memory = memory(own * bytes + foreign * mySegment + bytes);
    var total = memory.asSlice(own * bytes + foreign * mySegment, bytes);
    for (int k = 0; k < own; k++) {
      long at = 0;
      for (int i = 0; i < lengths.length; i++) {
        pack(gradients.subtree(i, k), at, memory, k, own, segments);
        at += (long) lengths[i] * Float.BYTES;
      }
    }
    var sent = new ArrayList<World.Part>();
    var received = new ArrayList<World.Part>();
    var sums = new MemorySegment[count];
    long at = own * bytes;
    for (int r = 0; r < size(); r++) {
      if (r == rank()) {
        for (int k = 0; k < own; k++) {
          sums[subtrees[r][k]] = memory.asSlice(own * segments[r] + k * mySegment, mySegment);
        }
        continue;
      }
      long length = segments[r + 1] - segments[r];
      if (own > 0 && length > 0) {
        sent.add(new World.Part(r, memory.asSlice(own * segments[r], own * length)));
        exchangedBytes += own * length;
      }
      if (subtrees[r].length > 0 && mySegment > 0) {
        received.add(new World.Part(r, memory.asSlice(at, subtrees[r].length * mySegment)));
      }
      for (int chunk : subtrees[r]) {
        sums[chunk] = memory.asSlice(at, mySegment);
        at += mySegment;
      }
    }
    long transfer = System.nanoTime();
    world.exchange(sent, received);
    waitNanos += System.nanoTime() - transfer;
    finish(count, subtrees, sums, total.asSlice(segments[rank()], mySegment));
    allGather(total, segments);
    long from = 0;
    for (int i = 0; i < lengths.length; i++) {
      MemorySegment.copy(total, JAVA_FLOAT, from, gradients.total(i), 0, lengths[i]);
      from += (long) lengths[i] * Float.BYTES;
    }
    exchangeNanos += System.nanoTime() - begin;
  }

  /**
   * Copies an array that begins at byte {@code at} of all arrays to where its segments are sent
   * from: by segment, and inside by subtree.
   */
  private static void pack(
      float[] array, long at, MemorySegment memory, int k, int own, long[] segments) {
    long end = at + (long) array.length * Float.BYTES;
    for (int s = 0; s + 1 < segments.length; s++) {
      long first = Math.max(at, segments[s]);
      long last = Math.min(end, segments[s + 1]);
      if (first < last) {
        long length = segments[s + 1] - segments[s];
        MemorySegment.copy(
            array,
            (int) ((first - at) / Float.BYTES),
            memory,
            JAVA_FLOAT,
            own * segments[s] + k * length + first - segments[s],
            (int) ((last - first) / Float.BYTES));
      }
    }
  }

  private static void finish(
      int count, int[][] subtrees, MemorySegment[] sums, MemorySegment total) {
    var starts = new boolean[count];
    for (int[] of : subtrees) {
      for (int chunk : of) {
        starts[chunk] = true;
      }
    }
    int n = (int) (total.byteSize() / Float.BYTES);
    var values = new float[count][];
    for (int c = 0; c < count; c++) {
      if (starts[c]) {
        values[c] = sums[c].toArray(JAVA_FLOAT);
      }
    }
    ChunkTree.add(
        count,
        0,
        count,
        starts,
        (left, right) -> {
          float[] before = values[left];
          float[] after = values[right];
          for (int i = 0; i < n; i++) {
            before[i] += after[i];
          }
        });
    MemorySegment.copy(values[0], 0, total, JAVA_FLOAT, 0, n);
  }

  private void allGather(MemorySegment data, long[] starts) {
    exchangedBytes += (starts[rank() + 1] - starts[rank()]) * (size() - 1);
    long begin = System.nanoTime();
    world.allGather(data, starts);
    waitNanos += System.nanoTime() - begin;
  }

  private MemorySegment memory(long bytes) {
    if (memory.byteSize() < bytes) {
      memory = Arena.ofAuto().allocate(Math.max(bytes, 1 << 16), Double.BYTES);
    }
    return memory.asSlice(0, bytes);
  }
}
