package dev.spikewise.snn.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.snn.kernel.nd4j.Nd4jKernels;
import dev.spikewise.snn.kernel.vector.VectorKernels;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every fast kernel against the scalar one, on awkward sizes, from silent to dense. */
class KernelsTest {

  private static final double[] DENSITIES = {0, 0.03, 0.2, 1};

  static List<ConvShape> shapes() {
    return List.of(
        new ConvShape(5, 5, 1, 16, 5, 5, 1, 1, 0, 0, 1, 1, 1),
        new ConvShape(12, 12, 16, 32, 5, 5, 1, 1, 0, 0, 1, 1, 1),
        new ConvShape(7, 9, 3, 37, 3, 2, 1, 1, 0, 0, 1, 1, 1),
        new ConvShape(8, 8, 1, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new ConvShape(9, 7, 5, 19, 3, 3, 2, 3, 1, 2, 1, 1, 1),
        new ConvShape(4, 20, 2, 40, 3, 3, 1, 2, 1, 1, 1, 1, 1),
        new ConvShape(4, 3, 2, 5, 2, 2, 1, 7, 0, 0, 1, 1, 1),
        new ConvShape(5, 14, 6, 102, 2, 3, 1, 1, 0, 1, 1, 2, 3),
        new ConvShape(9, 9, 4, 50, 3, 3, 1, 1, 2, 2, 2, 2, 1),
        new ConvShape(10, 8, 6, 12, 3, 3, 2, 1, 0, 2, 1, 2, 3),
        new ConvShape(6, 6, 8, 8, 3, 3, 1, 1, 3, 3, 1, 1, 8),
        new ConvShape(4, 4, 2, 3, 1, 1, 3, 3, 0, 0, 1, 1, 1),
        new ConvShape(3, 3, 2, 35, 1, 1, 1, 1, 2, 2, 1, 1, 1),
        new ConvShape(5, 6, 70, 16, 3, 3, 1, 1, 1, 0, 1, 1, 1),
        new ConvShape(6, 5, 32, 48, 3, 3, 2, 1, 1, 2, 2, 1, 1),
        new ConvShape(5, 7, 16, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new ConvShape(6, 9, 16, 8, 2, 4, 2, 2, 0, 1, 1, 1, 1),
        new ConvShape(5, 7, 8, 9, 3, 2, 1, 3, 1, 0, 1, 1, 1),
        new ConvShape(1, 11, 8, 5, 1, 5, 1, 1, 0, 2, 1, 1, 1),
        // Many channels: panels, wide events and events by channel, phases of a stride.
        new ConvShape(9, 8, 48, 80, 3, 3, 1, 1, 1, 1, 1, 1, 1),
        new ConvShape(7, 9, 64, 64, 3, 3, 1, 1, 2, 2, 2, 2, 1),
        new ConvShape(8, 7, 16, 64, 4, 4, 2, 2, 1, 1, 1, 1, 1),
        new ConvShape(1, 23, 9, 32, 1, 5, 1, 1, 0, 2, 1, 1, 1),
        // Depthwise.
        new ConvShape(7, 9, 20, 20, 3, 3, 1, 1, 1, 1, 1, 1, 20),
        new ConvShape(8, 6, 16, 16, 5, 4, 2, 3, 2, 1, 1, 1, 16),
        new ConvShape(1, 17, 33, 33, 1, 3, 1, 1, 0, 2, 1, 2, 33),
        ConvShape.linear(120, 10),
        ConvShape.linear(512, 120),
        ConvShape.linear(1, 1),
        ConvShape.linear(13, 67));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void vectorConvolutionsAgreeWithTheScalarOnes(ConvShape shape) {
    try (var scalar = new ScalarKernels(1);
        var vector = new VectorKernels(2)) {
      assertConvolutionsAgree(shape, scalar, vector);
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void nd4jConvolutionsAgreeWithTheScalarOnes(ConvShape shape) {
    try (var scalar = new ScalarKernels(1);
        var nd4j = new Nd4jKernels(new ScalarKernels(2))) {
      assertConvolutionsAgree(shape, scalar, nd4j);
    }
  }

  /** Enough rows for packed weights, with and without tiles that are not full. */
  @ParameterizedTest
  @CsvSource({"70, 150", "130, 37", "5, 3", "64, 256", "300, 16"})
  void fullyConnectedLayersAgreeWithTheScalarOnes(int inputs, int outputs) {
    try (var scalar = new ScalarKernels(1);
        var vector = new VectorKernels(2)) {
      assertConvolutionsAgree(ConvShape.linear(inputs, outputs), scalar, vector, 1, 40, 230);
    }
  }

  @Test
  void fullyConnectedLayersGiveTheSameBitsOnAnyNumberOfThreads() {
    var shape = ConvShape.linear(130, 77);
    int frames = 100;
    for (double density : DENSITIES) {
      var results = new ArrayList<List<float[]>>();
      for (int threads : new int[] {1, 2, 3}) {
        var random = new Random(11);
        float[] x = spikes(random, frames * 130, density);
        float[] w = normal(random, shape.weights());
        float[] gy = normal(random, frames * 77);
        float[] y = new float[gy.length];
        float[] gw = new float[w.length];
        float[] gx = new float[x.length];
        try (var kernels = new VectorKernels(threads)) {
          var conv = kernels.conv(shape, frames);
          conv.forward(x, 0, w, null, y, 0, frames);
          conv.weightGradient(x, 0, gy, 0, gw, frames);
          conv.holdWeights(w);
          conv.inputGradient(gy, 0, w, gx, 0, frames, null, 0);
          conv.releaseWeights();
        }
        results.add(List.of(y, gw, gx));
      }
      for (var other : results) {
        for (int i = 0; i < 3; i++) {
          assertThat(other.get(i)).containsExactly(results.getFirst().get(i));
        }
      }
    }
  }

  private static void assertConvolutionsAgree(ConvShape shape, Kernels expected, Kernels actual) {
    assertConvolutionsAgree(shape, expected, actual, 1, 3, 17);
  }

  private static void assertConvolutionsAgree(
      ConvShape shape, Kernels expected, Kernels actual, int... frameCounts) {
    var random = new Random(7);
    for (int frames : frameCounts) {
      var expectedConv = expected.conv(shape, frames);
      var actualConv = actual.conv(shape, frames);
      for (double density : DENSITIES) {
        String what = shape + ", " + frames + " frames, density " + density;
        int pad = 3;
        float[] x = spikes(random, pad + frames * shape.inSize(), density);
        if (frames == 3) {
          silenceChannels(x, pad, shape.inC());
        }
        float[] w = normal(random, shape.weights());
        float[] bias = density == 1 ? normal(random, shape.outC()) : null;
        float[] gy = normal(random, pad + frames * shape.outSize());
        if (frames == 3) {
          silenceChannels(gy, pad, shape.outC());
        } else if (frames == 17) {
          silenceRows(gy, pad, shape.outW() * shape.outC());
        }

        float[] y = new float[gy.length];
        float[] y2 = normal(random, gy.length);
        expectedConv.forward(x, pad, w, bias, y, pad, frames);
        actualConv.forward(x, pad, w, bias, y2, pad, frames);
        assertClose(y2, y, pad, "y of " + what);

        float[] gw = new float[w.length];
        float[] gw2 = new float[w.length];
        expectedConv.weightGradient(x, pad, gy, pad, gw, frames);
        actualConv.weightGradient(x, pad, gy, pad, gw2, frames);
        assertClose(gw2, gw, 0, "dw of " + what);

        float[] gx = new float[x.length];
        float[] gx2 = normal(random, x.length);
        expectedConv.inputGradient(gy, pad, w, gx, pad, frames, null, 0);
        actualConv.inputGradient(gy, pad, w, gx2, pad, frames, null, 0);
        assertClose(gx2, gx, pad, "dx of " + what);

        actualConv.inputGradient(gy, pad, w, gx2, pad, frames, x, pad);
        for (int i = 0; i < x.length; i++) {
          if (x[i] == 0) {
            assertThat(gx2[i]).isFinite();
            gx[i] = 0;
            gx2[i] = 0;
          }
        }
        assertClose(gx2, gx, pad, "dx of the active inputs of " + what);
      }
    }
  }

  @Test
  void linearLayersOfSeveralNarrowTilesGiveTheSameBitsOnTwoThreads() {
    var shape = ConvShape.linear(256, 30);
    int frames = 96;
    var random = new Random(3);
    float[] x = normal(random, frames * shape.inSize());
    float[] w = normal(random, shape.weights());
    try (var one = new VectorKernels(1);
        var two = new VectorKernels(2)) {
      float[] expected = new float[frames * shape.outSize()];
      one.conv(shape, frames).forward(x, 0, w, null, expected, 0, frames);
      var conv = two.conv(shape, frames);
      for (int i = 0; i < 500; i++) {
        float[] y = new float[expected.length];
        conv.forward(x, 0, w, null, y, 0, frames);
        assertThat(y).isEqualTo(expected);
      }
    }
  }

  @Test
  void adamOnVectorsAgreesBitForBit() {
    try (var scalar = new ScalarKernels(1);
        var vector = new VectorKernels(1)) {
      var random = new Random(5);
      int n = 77;
      float[][] a = {normal(random, n), new float[n], new float[n]};
      float[][] b = {a[0].clone(), new float[n], new float[n]};
      for (int steps = 1; steps < 50; steps++) {
        var step =
            new AdamStep(0.1f, 0.999f, 0.001f, 1e-3f / steps, 1 / (float) steps, 0.01f, 1e-8f);
        float[] gradient = spikes(random, n, 0.3);
        scalar.adam(step, a[0], gradient, a[1], a[2], 3, n);
        vector.adam(step, b[0], gradient, b[1], b[2], 3, n);
      }
      assertThat(b).isEqualTo(a);
    }
  }

  @Test
  void adamMomentsAreFlushedBeforeTheyAreDenormal() {
    try (var scalar = new ScalarKernels(1);
        var vector = new VectorKernels(1)) {
      for (Kernels kernels : List.of(scalar, vector)) {
        var step = new AdamStep(0.1f, 0.99f, 0.01f, 1e-3f, 1, 0, 1e-8f);
        float[][] tensors = {ones(16), new float[16], new float[16]};
        kernels.adam(step, tensors[0], ones(16), tensors[1], tensors[2], 0, 16);
        for (int i = 0; i < 10_000; i++) {
          kernels.adam(step, tensors[0], new float[16], tensors[1], tensors[2], 0, 16);
          for (float moment : new float[] {tensors[1][7], tensors[2][7]}) {
            assertThat(moment == 0 || moment >= Float.MIN_NORMAL).isTrue();
          }
        }
        assertThat(tensors[1]).containsOnly(0);
        assertThat(tensors[2]).containsOnly(0);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("neurons")
  void gradientsAreNeverDenormal(LeakyIntegrator params) {
    try (var scalar = new ScalarKernels(1);
        var vector = new VectorKernels(1)) {
      for (Kernels kernels : List.of(scalar, vector)) {
        NeuronRange r = range(false);
        for (int i = 0; i < r.x.length; i++) {
          r.x[i] *= 20;
          r.gs[i] *= 1e-25f;
        }
        r.gRate = null;
        kernels.neuronForward(params, r);
        kernels.neuronBackward(params, r);
        for (float g : r.gx) {
          assertThat(g == 0 || Math.abs(g) >= Float.MIN_NORMAL).as("%s", g).isTrue();
        }
      }
    }
  }

  private static float[] ones(int n) {
    var ones = new float[n];
    Arrays.fill(ones, 1);
    return ones;
  }

  static List<LeakyIntegrator> neurons() {
    var spikeFns = List.of(SpikeFn.MULTI, SpikeFn.SINGLE, new SpikeFn(SpikeFn.Kind.MAX, 2));
    var surrogates =
        List.of(
            new SurrogateSpec.SingleExponential(0.5, 1.0),
            new SurrogateSpec.PeriodicExponential(0.5, 1.0),
            new SurrogateSpec.Heaviside(0.5),
            new SurrogateSpec.Gaussian(0.1, 0.5, 1.0),
            new SurrogateSpec.MultiGaussian(0.0, 0.5, 0.15, 6.0, 2.0),
            new SurrogateSpec.FastSigmoid(25.0),
            new SurrogateSpec.Atan(2.0),
            new SurrogateSpec.Sigmoid(4.0),
            new SurrogateSpec.Triangular(0.8),
            new SurrogateSpec.Boxcar(0.5));
    var all = new ArrayList<LeakyIntegrator>();
    float none = Float.NEGATIVE_INFINITY;
    for (SpikeFn spikeFn : spikeFns) {
      for (SurrogateSpec surrogate : surrogates) {
        all.add(
            integrator(
                1, Float.NaN, false, true, firing(1, spikeFn, true, 1, false, none, surrogate)));
        all.add(
            integrator(
                0.9f,
                Float.NaN,
                true,
                true,
                firing(0.7f, spikeFn, true, 0.5f, false, -0.2f, surrogate)));
        all.add(
            integrator(
                0.8f,
                0.6f,
                true,
                true,
                firing(1.3f, spikeFn, false, -0.1f, true, none, surrogate)));
        all.add(
            integrator(
                0.8f,
                0.6f,
                false,
                true,
                firing(0.7f, spikeFn, false, -0.1f, false, -0.3f, surrogate)));
      }
    }
    all.add(
        integrator(
            0.8f,
            0.6f,
            false,
            false,
            firing(1, SpikeFn.MULTI, true, 1, false, none, SurrogateSpec.DEFAULT)));
    for (LeakyIntegrator shared : List.copyOf(all)) {
      all.add(perNeuron(shared));
      if (shared.firing().spikeFn().kind() == SpikeFn.Kind.SINGLE) {
        all.add(withOtherResetGradient(shared));
      }
    }
    return all;
  }

  private static LeakyIntegrator integrator(
      float alphaMem, float alphaSyn, boolean normInput, boolean spikes, Firing firing) {
    return new LeakyIntegrator(
        PerNeuron.of(alphaMem),
        Float.isNaN(alphaSyn) ? null : PerNeuron.of(alphaSyn),
        normInput,
        spikes,
        firing);
  }

  private static Firing firing(
      float threshold,
      SpikeFn spikeFn,
      boolean subtract,
      float resetValue,
      boolean resetAll,
      float minV,
      SurrogateSpec surrogate) {
    return new Firing(
        PerNeuron.of(threshold),
        spikeFn,
        subtract,
        PerNeuron.of(resetValue),
        !subtract,
        resetAll,
        minV,
        surrogate);
  }

  private static LeakyIntegrator withOtherResetGradient(LeakyIntegrator p) {
    Firing f = p.firing();
    return new LeakyIntegrator(
        p.alphaMem(),
        p.alphaSyn(),
        p.normInput(),
        p.spikes(),
        new Firing(
            f.threshold(),
            f.spikeFn(),
            f.subtract(),
            f.resetValue(),
            !f.detached(),
            f.resetAll(),
            f.minV(),
            f.surrogate()));
  }

  /** The same with constants that differ from neuron to neuron. */
  private static LeakyIntegrator perNeuron(LeakyIntegrator p) {
    var firing =
        new Firing(
            spread(p.firing().threshold()),
            p.firing().spikeFn(),
            p.firing().subtract(),
            spread(p.firing().resetValue()),
            p.firing().detached(),
            p.firing().resetAll(),
            p.firing().minV(),
            p.firing().surrogate());
    return new LeakyIntegrator(
        spread(p.alphaMem()),
        p.alphaSyn() == null ? null : spread(p.alphaSyn()),
        p.normInput(),
        p.spikes(),
        firing);
  }

  private static PerNeuron spread(PerNeuron shared) {
    var each = new float[4 * 6 * 48];
    for (int n = 0; n < each.length; n++) {
      each[n] = shared.at(n) * (0.8f + 0.05f * (n % 5));
    }
    return PerNeuron.of(each);
  }

  @ParameterizedTest
  @MethodSource("neurons")
  void vectorNeuronsAgreeWithTheScalarOnes(LeakyIntegrator params) {
    try (var scalar = new ScalarKernels(1);
        var vector = new VectorKernels(1)) {
      for (boolean same : new boolean[] {false, true}) {
        NeuronRange a = range(same);
        NeuronRange b = range(same);
        for (NeuronRange r : List.of(a, b)) {
          boolean perNeuron = params.firing().threshold().each() != null;
          Arrays.stream(r.gConstants)
              .forEach(sum -> sum.byNeuron = perNeuron ? new double[r.neurons] : null);
        }
        scalar.neuronForward(params, a);
        vector.neuronForward(params, b);
        assertThat(b.u).isEqualTo(a.u);
        assertThat(b.s).isEqualTo(a.s);
        assertThat(b.v).isEqualTo(a.v);
        assertThat(b.synapticCurrent).isEqualTo(a.synapticCurrent);
        assertClose(floats(b.counts), floats(a.counts), 0, "counts");
        assertOutputIsRestored(scalar, params, a);
        assertOutputIsRestored(vector, params, b);
        scalar.neuronBackward(params, a);
        vector.neuronBackward(params, b);
        assertClose(b.gx, a.gx, 0, "dx");
        for (int constant = 0; constant < 2; constant++) {
          NeuronRange.Sum expected = a.gConstants[constant];
          NeuronRange.Sum actual = b.gConstants[constant];
          assertThat(actual.overRange)
              .isCloseTo(expected.overRange, within(1e-3 * (1 + Math.abs(expected.overRange))));
          for (int n = 0; expected.byNeuron != null && n < a.neurons; n++) {
            assertThat(actual.byNeuron[n]).isCloseTo(expected.byNeuron[n], within(1e-3));
          }
        }
      }
    }
  }

  /** As in a recurrent layer, where each step waits for the weighted sums of the one before. */
  @ParameterizedTest
  @MethodSource("neurons")
  void stepsOneByOneGiveTheGradientsOfAllStepsTogether(LeakyIntegrator params) {
    try (var vector = new VectorKernels(1)) {
      NeuronRange whole = range(false);
      NeuronRange r = range(false);
      for (NeuronRange each : List.of(whole, r)) {
        boolean perNeuron = params.firing().threshold().each() != null;
        Arrays.stream(each.gConstants)
            .forEach(sum -> sum.byNeuron = perNeuron ? new double[each.neurons] : null);
        vector.neuronForward(params, each);
      }
      vector.neuronBackward(params, whole);
      int steps = r.steps;
      r.steps = 1;
      r.gv = new float[r.neurons];
      r.gCurrent = new float[r.neurons];
      for (int t = steps - 1; t >= 0; t--) {
        r.uAt = r.sAt = r.gsAt = r.gxAt = t * r.neurons;
        r.hasEarlier = t > 0;
        vector.neuronBackward(params, r);
      }
      assertThat(r.gx).isEqualTo(whole.gx);
      for (int constant = 0; constant < 2; constant++) {
        NeuronRange.Sum expected = whole.gConstants[constant];
        NeuronRange.Sum actual = r.gConstants[constant];
        assertThat(actual.overRange)
            .isCloseTo(expected.overRange, within(1e-3 * (1 + Math.abs(expected.overRange))));
        for (int n = 0; expected.byNeuron != null && n < r.neurons; n++) {
          assertThat(actual.byNeuron[n]).isCloseTo(expected.byNeuron[n], within(1e-3));
        }
      }
    }
  }

  /** Bit for bit, from the potentials. */
  private static void assertOutputIsRestored(Kernels kernels, Neuron neuron, NeuronRange r) {
    float[] output = r.s.clone();
    Arrays.fill(r.s, 0);
    kernels.neuronOutput(neuron, r);
    assertThat(r.s).isEqualTo(output);
  }

  @ParameterizedTest
  @MethodSource("neurons")
  void vectorNeuronsWithAPoolBehindThemAgreeWithTheScalarOnes(LeakyIntegrator params) {
    if (!params.spikes()) {
      return;
    }
    var pool = new PoolShape(4, 6, 48, 2, 2, 2, 3, 2, 3, 0, 0, 1, true);
    try (var scalar = new ScalarKernels(1);
        var vector = new VectorKernels(1)) {
      assertThat(vector.fuses(pool)).isTrue();
      NeuronRange a = range(false, pool.inSize(), 0, pool.inSize());
      NeuronRange b = range(false, pool.inSize(), 0, pool.inSize());
      b.pool = pool;
      b.windows = pool.windows();
      b.sStep = pool.outSize();
      b.s = new float[b.steps * pool.outSize()];
      scalar.neuronForward(params, a);
      vector.neuronForward(params, b);
      var sums = new float[b.s.length];
      for (int t = 0; t < a.steps; t++) {
        scalar.poolForward(pool, a.s, t * pool.inSize(), sums, t * pool.outSize());
        scalar.poolBackward(
            pool, b.gs, t * pool.outSize(), sums, t * pool.outSize(), a.gs, t * pool.inSize());
      }
      assertThat(b.s).isEqualTo(sums);
      assertThat(b.u).isEqualTo(a.u);
      assertThat(floats(b.counts)).isEqualTo(floats(a.counts));
      assertOutputIsRestored(vector, params, b);
      scalar.neuronBackward(params, a);
      vector.neuronBackward(params, b);
      assertClose(b.gx, a.gx, 0, "dx");
    }
  }

  @Test
  void doesNotFusePoolWithGapsOrFewChannels() {
    try (var vector = new VectorKernels(1)) {
      assertThat(vector.fuses(new PoolShape(5, 6, 48, 2, 2, 2, 3, 2, 3, 0, 0, 1, true))).isFalse();
      assertThat(vector.fuses(new PoolShape(4, 6, 7, 2, 2, 2, 3, 2, 3, 0, 0, 1, true))).isFalse();
    }
  }

  private static NeuronRange range(boolean constant) {
    return range(constant, 75, 2, 71);
  }

  private static NeuronRange range(boolean constant, int neurons, int from, int to) {
    var random = new Random(3);
    var r = new NeuronRange();
    r.neurons = neurons;
    r.steps = 9;
    r.from = from;
    r.to = to;
    r.x = normal(random, r.steps * r.neurons);
    r.xStep = constant ? 0 : r.neurons;
    r.u = new float[r.steps * r.neurons];
    r.current = new float[r.u.length];
    r.s = new float[r.u.length];
    r.sStep = r.neurons;
    r.v = new float[r.neurons];
    r.synapticCurrent = new float[r.neurons];
    r.counts = new double[r.neurons];
    r.gs = normal(random, r.u.length);
    r.gRate = normal(random, r.neurons);
    r.gx = new float[r.u.length];
    r.gxStep = r.xStep;
    return r;
  }

  private static float[] spikes(Random random, int n, double density) {
    var x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = random.nextDouble() < density ? 1 + random.nextInt(3) : 0;
    }
    return x;
  }

  /** As in a network with features that are not there: two channels out of three say nothing. */
  private static void silenceChannels(float[] x, int at, int channels) {
    for (int i = at; i < x.length; i++) {
      x[i] = (i - at) % channels % 3 == 0 ? x[i] : 0;
    }
  }

  /** As behind neurons far from their threshold: two rows out of three have no gradient. */
  private static void silenceRows(float[] gy, int at, int rowSize) {
    for (int i = at; i < gy.length; i++) {
      gy[i] = (i - at) / rowSize % 3 == 1 ? gy[i] : 0;
    }
  }

  static float[] normal(Random random, int n) {
    var x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static float[] floats(double[] values) {
    var floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private static void assertClose(float[] actual, float[] expected, int from, String what) {
    double largest = 1e-3;
    for (float e : expected) {
      largest = Math.max(largest, Math.abs(e));
    }
    for (int i = from; i < expected.length; i++) {
      if (!(Math.abs(actual[i] - expected[i]) <= 2e-5 * largest)) {
        assertThat(actual[i]).as("%s at %d", what, i).isEqualTo(expected[i]);
      }
    }
  }
}
