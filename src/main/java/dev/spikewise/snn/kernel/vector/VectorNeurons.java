package dev.spikewise.snn.kernel.vector;

import dev.spikewise.snn.kernel.LeakyIntegrator;
import dev.spikewise.snn.kernel.NeuronRange;
import dev.spikewise.snn.kernel.PerNeuron;
import dev.spikewise.snn.kernel.Surrogates;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import java.util.Arrays;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Neurons on the Vector API, one pass over the time steps each way. */
final class VectorNeurons {

  /** Adding it rounds a float to a whole number that stands in its lowest bits. */
  static final float ROUND = 0x1.8p23f;

  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final VectorSpecies<Double> DOUBLES = Species.DOUBLES;
  private static final int LANES = SPECIES.length();

  /** Values of the surrogate gradient that are computed at a time: they stay in the first cache. */
  private static final int SURROGATES = 4096;

  /** Neurons that go through a step together, for the same reason. */
  private static final int BLOCK = 512;

  private VectorNeurons() {}

  /** As many of the range's neurons as fill vectors; returns the first that is left. */
  static int forward(LeakyIntegrator p, NeuronRange r) {
    int end = r.to - (r.to - r.from) % LANES;
    if (p.isPlain()) {
      float[] counts = r.scratch(BLOCK);
      for (int first = r.from; first < end; first += BLOCK) {
        plainForward(
            p.firing().threshold().shared(), r, first, Math.min(BLOCK, end - first), counts);
      }
    } else {
      for (int n = r.from; n < end; n += LANES) {
        forward(p, r, n);
      }
    }
    return end;
  }

  /**
   * The default neuron: integrates, emits several spikes per step, resets by subtraction. Computes
   * one time step for a block of neurons at a time, because consecutive steps of a neuron depend on
   * each other and neighbouring neurons do not.
   */
  private static void plainForward(
      float threshold, NeuronRange r, int first, int n, float[] counts) {
    float[] xs = r.x;
    float[] us = r.u;
    float[] vs = r.v;
    float[] outputs = r.s;
    int[] windows = r.windows;
    Arrays.fill(counts, 0, n, 0);
    for (int t = 0; t < r.steps; t++) {
      int x = r.xAt + t * r.xStep + first;
      int u = r.uAt + t * r.neurons + first;
      int s = r.sAt + t * r.sStep;
      int v = r.vAt + first;
      for (int i = 0; i < n; i += LANES) {
        FloatVector potential = load(vs, v + i).add(load(xs, x + i));
        FloatVector ratio = potential.max(0);
        FloatVector spikes = floor(threshold == 1 ? ratio : ratio.div(threshold));
        potential.intoArray(us, u + i);
        potential.sub(threshold == 1 ? spikes : spikes.mul(threshold)).intoArray(vs, v + i);
        load(counts, i).add(spikes).intoArray(counts, i);
        if (windows == null) {
          spikes.intoArray(outputs, s + first + i);
        } else {
          int o = s + windows[first + i];
          load(outputs, o).add(spikes).intoArray(outputs, o);
        }
      }
    }
    for (int i = 0; i < n; i += LANES) {
      addWide(load(counts, i), r.counts, first + i);
    }
  }

  private static void forward(LeakyIntegrator p, NeuronRange r, int n) {
    boolean synaptic = p.synaptic();
    boolean keepsCurrent = p.keepsCurrent();
    FloatVector alphaMem = load(p.alphaMem(), n);
    FloatVector alphaSyn = p.alphaSyn() == null ? alphaMem : load(p.alphaSyn(), n);
    boolean norm = p.normInput();
    FloatVector inputScale = one().sub(alphaMem);
    FloatVector threshold = load(p.firing().threshold(), n);
    FloatVector resetValue = load(p.firing().resetValue(), n);
    boolean pooled = r.pool != null;
    int out = r.sAt + r.outputOf(n);
    FloatVector v = load(r.v, r.vAt + n);
    FloatVector current = synaptic ? load(r.synapticCurrent, r.vAt + n) : FloatVector.zero(SPECIES);
    FloatVector count = FloatVector.zero(SPECIES);
    for (int t = 0; t < r.steps; t++) {
      FloatVector x = load(r.x, r.xAt + t * r.xStep + n);
      FloatVector i = synaptic ? current.add(x) : x;
      current = synaptic ? i.mul(alphaSyn) : x;
      FloatVector u = v.mul(alphaMem).add(norm ? current.mul(inputScale) : current);
      FloatVector s = spike(p, u, threshold);
      v = clip(p, reset(p, u, s, resetValue));
      int at = r.uAt + t * r.neurons + n;
      u.intoArray(r.u, at);
      if (keepsCurrent) {
        i.intoArray(r.current, at);
      }
      int o = out + t * r.sStep;
      (pooled ? s.add(load(r.s, o)) : s).intoArray(r.s, o);
      count = count.add(s);
    }
    v.intoArray(r.v, r.vAt + n);
    if (synaptic) {
      current.intoArray(r.synapticCurrent, r.vAt + n);
    }
    addWide(count, r.counts, n);
  }

  /** Puts out again what {@link #forward} did; returns the first neuron that is left. */
  static int output(LeakyIntegrator p, NeuronRange r) {
    int end = r.to - (r.to - r.from) % LANES;
    for (int t = 0; t < r.steps; t++) {
      outputStep(p, r, r.uAt + t * r.neurons, r.sAt + t * r.sStep, end);
    }
    return end;
  }

  private static void outputStep(LeakyIntegrator p, NeuronRange r, int u, int s, int end) {
    float[] us = r.u;
    float[] outputs = r.s;
    int[] windows = r.windows;
    for (int n = r.from; n < end; n += LANES) {
      FloatVector spikes = spike(p, load(us, u + n), load(p.firing().threshold(), n));
      if (windows == null) {
        spikes.intoArray(outputs, s + n);
      } else {
        int o = s + windows[n];
        load(outputs, o).add(spikes).intoArray(outputs, o);
      }
    }
  }

  private static void addWide(FloatVector values, double[] sums, int n) {
    for (int half = 0; half < 2; half++) {
      int at = n + half * DOUBLES.length();
      DoubleVector wide = Lanes.widen(values, half);
      DoubleVector.fromArray(DOUBLES, sums, at).add(wide).intoArray(sums, at);
    }
  }

  /** As many of the range's neurons as fill vectors; returns the first that is left. */
  static int backward(LeakyIntegrator p, NeuronRange r) {
    int end = r.to - (r.to - r.from) % LANES;
    if (p.isPlain()) {
      float[] scratch = r.scratch(2 * BLOCK);
      for (int first = r.from; first < end; first += BLOCK) {
        plainBackward(p, r, first, Math.min(BLOCK, end - first), scratch);
      }
      return end;
    }
    int width = Math.clamp(SURROGATES / r.steps / LANES, 1, 64) * LANES;
    float[] g = r.scratch(r.steps * width);
    for (int first = r.from; first < end; first += width) {
      int n = Math.min(width, end - first);
      for (int t = 0; p.spikes() && t < r.steps; t++) {
        surrogates(p, r, t, first, n, g, t * width);
      }
      for (int i = 0; i < n; i += LANES) {
        backward(p, r, first + i, g, i, width);
      }
    }
    return end;
  }

  private static void surrogates(
      LeakyIntegrator p, NeuronRange r, int t, int first, int n, float[] g, int gAt) {
    int at = r.uAt + t * r.neurons + first;
    SurrogateSpec surrogate = p.firing().surrogate();
    if (p.firing().threshold().each() == null) {
      VectorSurrogates.gradients(surrogate, p.firing().threshold().shared(), r.u, at, g, gAt, n);
      return;
    }
    for (int i = 0; i < n; i++) {
      g[gAt + i] =
          Surrogates.gradient(surrogate, r.u[at + i], p.firing().threshold().at(first + i));
    }
  }

  /**
   * @param scratch dL/dv of the step after, and the surrogate gradients of this one
   */
  private static void plainBackward(
      LeakyIntegrator p, NeuronRange r, int first, int n, float[] scratch) {
    if (r.isOneOfSeveral()) {
      System.arraycopy(r.gv, r.gvAt + first, scratch, 0, n);
    } else {
      Arrays.fill(scratch, 0, n, 0);
    }
    if (r.gxStep == 0) {
      Arrays.fill(r.gx, r.gxAt + first, r.gxAt + first + n, 0);
    }
    for (int t = r.steps - 1; t >= 0; t--) {
      surrogates(p, r, t, first, n, scratch, BLOCK);
      plainStepBack(p.firing().threshold().shared(), r, t, first, n, scratch);
    }
    if (r.isOneOfSeveral()) {
      System.arraycopy(scratch, 0, r.gv, r.gvAt + first, n);
    }
  }

  private static void plainStepBack(
      float threshold, NeuronRange r, int t, int first, int n, float[] scratch) {
    float[] gs = r.gs;
    float[] sums = r.s;
    float[] gx = r.gx;
    float[] rates = r.gRate;
    int[] windows = r.windows;
    boolean skipsSilent = r.skipsSilent();
    boolean summed = r.gxStep == 0;
    int gsAt = r.gsAt + t * r.sStep;
    int sAt = r.sAt + t * r.sStep;
    int x = r.gxAt + t * r.gxStep + first;
    for (int i = 0; i < n; i += LANES) {
      int o = windows == null ? first + i : windows[first + i];
      FloatVector ext = load(gs, gsAt + o);
      if (skipsSilent) {
        ext = zeroWhereSilent(ext, sums, sAt + o);
      }
      if (rates != null) {
        ext = ext.add(load(rates, first + i));
      }
      FloatVector gv = load(scratch, i);
      FloatVector pull = threshold == 1 ? gv : gv.mul(threshold);
      FloatVector du = Lanes.flushGradient(ext.sub(pull).mul(load(scratch, BLOCK + i)).add(gv));
      du.intoArray(scratch, i);
      (summed ? load(gx, x + i).add(du) : du).intoArray(gx, x + i);
    }
  }

  private static void backward(
      LeakyIntegrator p, NeuronRange r, int n, float[] g, int gAt, int gStep) {
    boolean spikes = p.spikes();
    boolean clips = p.firing().clips();
    boolean subtracts = p.firing().subtract();
    boolean detached = p.firing().detached();
    boolean synaptic = p.synaptic();
    boolean norm = p.normInput();
    boolean trains = p.keepsCurrent() || p.leaks();
    FloatVector alphaMem = load(p.alphaMem(), n);
    FloatVector alphaSyn = p.alphaSyn() == null ? alphaMem : load(p.alphaSyn(), n);
    FloatVector inputScale = one().sub(alphaMem);
    FloatVector threshold = load(p.firing().threshold(), n);
    FloatVector resetValue = load(p.firing().resetValue(), n);
    boolean skipsSilent = r.skipsSilent();
    int out = r.outputOf(n);
    FloatVector zero = FloatVector.zero(SPECIES);
    FloatVector rate = r.gRate == null ? zero : load(r.gRate, n);
    boolean oneOfSeveral = r.isOneOfSeveral();
    FloatVector gv = oneOfSeveral ? load(r.gv, r.gvAt + n) : zero;
    FloatVector gCurrent = oneOfSeveral ? load(r.gCurrent, r.gvAt + n) : zero;
    FloatVector sum = zero;
    FloatVector gAlphaMem = zero;
    FloatVector gAlphaSyn = zero;
    for (int t = r.steps - 1; t >= 0; t--) {
      int at = r.uAt + t * r.neurons + n;
      FloatVector u = load(r.u, at);
      FloatVector ext = load(r.gs, r.gsAt + t * r.sStep + out);
      if (skipsSilent) {
        ext = zeroWhereSilent(ext, r.s, r.sAt + t * r.sStep + out);
      }
      ext = ext.add(rate);
      FloatVector gw = gv;
      FloatVector s = clips || !subtracts ? spike(p, u, threshold) : u;
      if (clips) {
        gw =
            zero.blend(
                gv,
                reset(p, u, s, resetValue).sub(p.firing().minV()).compare(VectorOperators.GT, 0));
      }
      FloatVector du;
      if (!spikes) {
        du = ext.add(gw);
      } else {
        FloatVector pulled =
            detached ? ext : ext.sub(gw.mul(subtracts ? resetValue : u.sub(resetValue)));
        FloatVector kept = subtracts ? gw : zero.blend(gw, s.compare(VectorOperators.EQ, 0));
        du = pulled.mul(load(g, gAt + t * gStep)).add(kept);
      }
      du = Lanes.flushGradient(du);
      FloatVector gx = norm ? du.mul(inputScale) : du;
      if (synaptic) {
        FloatVector di = gx.add(gCurrent);
        gx = Lanes.flushGradient(di.mul(alphaSyn));
        gCurrent = gx;
        gAlphaSyn = di.mul(load(r.current, at)).add(gAlphaSyn);
      }
      if (trains) {
        FloatVector from = zero;
        if (t > 0 || r.hasEarlier) {
          FloatVector earlier = load(r.u, at - r.neurons);
          from = clip(p, reset(p, earlier, spike(p, earlier, threshold), resetValue));
        }
        if (norm) {
          FloatVector i = load(r.current, at);
          from = from.sub(synaptic ? i.mul(alphaSyn) : i);
        }
        gAlphaMem = du.mul(from).add(gAlphaMem);
      }
      if (r.gxStep == 0) {
        sum = sum.add(gx);
      } else {
        gx.intoArray(r.gx, r.gxAt + t * r.gxStep + n);
      }
      gv = du.mul(alphaMem);
    }
    if (r.gxStep == 0) {
      sum.intoArray(r.gx, r.gxAt + n);
    }
    if (oneOfSeveral) {
      gv.intoArray(r.gv, r.gvAt + n);
      gCurrent.intoArray(r.gCurrent, r.gvAt + n);
    }
    if (trains) {
      add(gAlphaMem, r.gConstants[LeakyIntegrator.MEM], n);
    }
    if (synaptic) {
      add(gAlphaSyn, r.gConstants[LeakyIntegrator.SYN], n);
    }
  }

  private static void add(FloatVector gradient, NeuronRange.Sum sum, int n) {
    if (sum.byNeuron == null) {
      sum.overRange += Lanes.sum(gradient);
    } else {
      addWide(gradient, sum.byNeuron, n);
    }
  }

  /** Sets the gradients of windows without spikes to 0. */
  private static FloatVector zeroWhereSilent(FloatVector gradient, float[] sums, int at) {
    return gradient.blend(0, load(sums, at).compare(VectorOperators.EQ, 0));
  }

  private static FloatVector load(float[] values, int at) {
    return FloatVector.fromArray(SPECIES, values, at);
  }

  private static FloatVector load(PerNeuron values, int n) {
    return values.each() == null
        ? FloatVector.broadcast(SPECIES, values.shared())
        : FloatVector.fromArray(SPECIES, values.each(), n);
  }

  private static FloatVector one() {
    return FloatVector.broadcast(SPECIES, 1);
  }

  /** Output: spikes, or the potential itself. */
  private static FloatVector spike(LeakyIntegrator p, FloatVector u, FloatVector threshold) {
    if (!p.spikes()) {
      return u;
    }
    if (p.firing().spikeFn().kind() == SpikeFn.Kind.SINGLE) {
      return FloatVector.zero(SPECIES)
          .blend(one(), u.sub(threshold).compare(VectorOperators.GE, 0));
    }
    FloatVector ratio = u.max(0);
    if (!p.firing().threshold().is(1)) {
      ratio = ratio.div(threshold);
    }
    FloatVector s = floor(ratio);
    return p.firing().spikeFn().kind() == SpikeFn.Kind.MAX ? s.min(p.firing().spikeFn().max()) : s;
  }

  /** Of values that are not negative. */
  static FloatVector floor(FloatVector x) {
    FloatVector rounded = x.add(ROUND).sub(ROUND);
    FloatVector floor = rounded.sub(1, rounded.compare(VectorOperators.GT, x));
    // Rounding by adding and subtracting a constant fails from 2^22 on; from 2^23 on every float is
    // an integer.
    return floor.blend(x, x.compare(VectorOperators.GE, 0x1p22f));
  }

  private static FloatVector reset(
      LeakyIntegrator p, FloatVector u, FloatVector s, FloatVector resetValue) {
    if (!p.spikes()) {
      return u;
    }
    if (p.firing().subtract()) {
      return u.sub(p.firing().resetValue().is(1) ? s : s.mul(resetValue));
    }
    VectorMask<Float> spiked = s.compare(VectorOperators.NE, 0);
    FloatVector w = u.blend(0, spiked);
    return p.firing().resetAll() ? w.add(resetValue) : w.blend(resetValue, spiked);
  }

  private static FloatVector clip(LeakyIntegrator p, FloatVector w) {
    return p.firing().clips() ? w.sub(p.firing().minV()).max(0).add(p.firing().minV()) : w;
  }
}
