package dev.spikewise.bench;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.nd4j.Nd4jKernels;
import dev.spikewise.snn.kernel.vector.VectorKernels;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The tutorial's second convolution over 50 frames (82 million operations each), by the share of
 * its input that is not 0; {@code peak} is as many operations that wait for nothing.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class ConvBenchmark {

  private static final int FRAMES = 50;
  private static final ConvShape SHAPE = new ConvShape(12, 12, 16, 32, 5, 5, 1, 1, 0, 0, 1, 1, 1);

  private static final int PEAK_TASKS = 8;

  @Param("vector")
  public String kernels;

  @Param("1")
  public int threads;

  @Param("1")
  public double density;

  private Parallel parallel;
  private Kernels backend;
  private Kernels.Conv conv;
  private float[] x;
  private float[] y;
  private float[] w;
  private float[] gx;
  private float[] gw;

  @Setup(Level.Trial)
  public void setUp() {
    backend =
        switch (kernels) {
          case "vector" -> new VectorKernels(threads);
          case "nd4j" -> new Nd4jKernels(new VectorKernels(threads));
          default ->
              throw new IllegalArgumentException("kernels are vector or nd4j, not " + kernels);
        };
    conv = backend.conv(SHAPE, FRAMES);
    parallel = new Parallel(threads);
    var random = new Random(1);
    x = new float[FRAMES * SHAPE.inSize()];
    for (int i = 0; i < x.length; i++) {
      x[i] = random.nextDouble() < density ? 1 : 0;
    }
    y = normal(random, FRAMES * SHAPE.outSize());
    w = normal(random, SHAPE.weights());
    gx = new float[x.length];
    gw = new float[w.length];
  }

  private static float[] normal(Random random, int n) {
    var values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  @TearDown
  public void tearDown() {
    backend.close();
    parallel.close();
  }

  @Benchmark
  public float[] forward() {
    conv.forward(x, 0, w, null, y, 0, FRAMES);
    return y;
  }

  @Benchmark
  public float[] inputGradient() {
    conv.inputGradient(y, 0, w, gx, 0, FRAMES, x, 0);
    return gx;
  }

  @Benchmark
  public float[] weightGradient() {
    conv.weightGradient(x, 0, y, 0, gw, FRAMES);
    return gw;
  }

  @Benchmark
  public float[] peak() {
    parallel.run(PEAK_TASKS, PeakLoop::run);
    return PeakLoop.SUMS;
  }

  /** Twelve independent sums in registers, as of a tile, without anything read. */
  private static final class PeakLoop {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final long OPERATIONS = 2L * FRAMES * SHAPE.windows() * SHAPE.weights();
    private static final int STEPS = (int) (OPERATIONS / (24L * SPECIES.length() * PEAK_TASKS));
    private static final float[] SUMS = new float[PEAK_TASKS * SPECIES.length()];

    private static void run(int task) {
      var v = FloatVector.broadcast(SPECIES, 0.5f + task);
      var w = FloatVector.broadcast(SPECIES, 0.25f);
      var a = v;
      var b = v;
      var c = v;
      var d = v;
      var e = v;
      var f = v;
      var g = v;
      var h = v;
      var i = v;
      var j = v;
      var k = v;
      var l = v;
      for (int step = 0; step < STEPS; step++) {
        a = a.fma(w, v);
        b = b.fma(w, v);
        c = c.fma(w, v);
        d = d.fma(w, v);
        e = e.fma(w, v);
        f = f.fma(w, v);
        g = g.fma(w, v);
        h = h.fma(w, v);
        i = i.fma(w, v);
        j = j.fma(w, v);
        k = k.fma(w, v);
        l = l.fma(w, v);
      }
      a.add(b)
          .add(c)
          .add(d)
          .add(e)
          .add(f)
          .add(g)
          .add(h)
          .add(i)
          .add(j)
          .add(k)
          .add(l)
          .intoArray(SUMS, task * SPECIES.length());
    }
  }
}
