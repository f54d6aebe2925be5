package dev.spikewise.bench;

import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Nd4jKernels;
import dev.spikewise.snn.kernel.VectorKernels;
import java.util.Random;
import java.util.concurrent.TimeUnit;
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

/** The tutorial's second convolution over 50 frames, by the share of its input that is not 0. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class ConvBenchmark {

  private static final int FRAMES = 50;
  private static final ConvShape SHAPE = new ConvShape(12, 12, 16, 32, 5, 5, 1, 1, 0, 0, 1, 1, 1);

  @Param("vector")
  public String kernels;

  @Param("1")
  public int threads;

  @Param("1")
  public double density;

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
}
