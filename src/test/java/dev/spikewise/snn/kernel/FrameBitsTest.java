package dev.spikewise.snn.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.snn.kernel.vector.VectorKernels;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Bits of convolutions against the way a batch is cut into calls. Processes that share a batch cut
 * it elsewhere, and kernels choose their loops by the density of a call.
 */
class FrameBitsTest {

  private static final int FRAMES = 15;

  @ParameterizedTest
  @MethodSource("dev.spikewise.snn.kernel.KernelsTest#shapes")
  void framesDoNotDependOnTheirCall(ConvShape shape) {
    assertIndependent(shape);
  }

  @ParameterizedTest
  @CsvSource({"70, 150", "64, 256"})
  void rowsDoNotDependOnTheirCall(int inputs, int outputs) {
    assertIndependent(ConvShape.linear(inputs, outputs));
  }

  /** What keeps the comparison above from being empty. */
  @Test
  void someFramesChooseOtherLoopsThanTheirNeighbours() {
    var shape = new ConvShape(12, 12, 16, 32, 5, 5, 1, 1, 0, 0, 1, 1, 1);
    assertThat(assertIndependent(shape)).as("loops chosen").hasSizeGreaterThan(1);
  }

  /** Frames with few gradients take other loops, alone, than before frames with many. */
  @ParameterizedTest
  @CsvSource({"16, 64, 64, 1", "9, 96, 48, 1", "12, 72, 64, 2", "9, 128, 80, 0"})
  void fewGradientsGiveTheSameBits(int side, int in, int out, int padding) {
    var shape = new ConvShape(side, side, in, out, 3, 3, 1, 1, padding, padding, 1, 1, 1);
    var random = new Random(3);
    float[] w = KernelsTest.normal(random, shape.weights());
    int few = FRAMES;
    int frames = 3 * few;
    float[] gy = KernelsTest.normal(random, frames * shape.outSize());
    for (int i = 0; i < few * shape.outSize(); i++) {
      gy[i] = random.nextDouble() < 0.1 ? gy[i] : 0;
    }
    var alone = new float[few * shape.inSize()];
    var together = new float[frames * shape.inSize()];
    var scalar = new float[few * shape.inSize()];
    try (var kernels = new VectorKernels(2);
        var reference = new ScalarKernels(1)) {
      var conv = kernels.conv(shape, frames);
      conv.inputGradient(gy, 0, w, together, 0, frames, null, 0);
      conv.inputGradient(gy, 0, w, alone, 0, few, null, 0);
      reference.conv(shape, few).inputGradient(gy, 0, w, scalar, 0, few, null, 0);
    }
    assertThat(alone).usingComparatorWithPrecision(1e-3f).containsExactly(scalar);
    assertSame(shape.toString(), alone, Arrays.copyOf(together, alone.length));
  }

  /** Loops of the input's gradient that were chosen. */
  private static Set<Integer> assertIndependent(ConvShape shape) {
    int in = shape.inSize();
    int out = shape.outSize();
    var random = new Random(5);
    double[] densities = {0, 0.02, 0.3, 1};
    float[] w = KernelsTest.normal(random, shape.weights());
    float[] bias = KernelsTest.normal(random, shape.outC());
    var x = new float[FRAMES * in];
    var gy = new float[FRAMES * out];
    for (int f = 0; f < FRAMES; f++) {
      double density = densities[f * 5 / 7 % densities.length];
      double gDensity = densities[f * 4 / 9 % densities.length];
      for (int i = 0; i < in; i++) {
        x[f * in + i] = random.nextDouble() < density ? 1 : 0;
      }
      for (int i = 0; i < out; i++) {
        gy[f * out + i] = random.nextDouble() < gDensity ? (float) random.nextGaussian() : 0;
      }
    }
    var chosen = new HashSet<Integer>();
    try (var kernels = new VectorKernels(1)) {
      var whole = kernels.conv(shape, FRAMES);
      var y = new float[gy.length];
      whole.forward(x, 0, w, bias, y, 0, FRAMES);
      for (float[] activeX : new float[][] {null, x}) {
        for (int most : new int[] {1, 5}) {
          var conv = kernels.conv(shape, most);
          for (int from = 0; from < FRAMES; from += most) {
            int n = Math.min(most, FRAMES - from);
            var part = new float[n * out];
            conv.forward(x, from * in, w, bias, part, 0, n);
            assertSame(
                shape + " forward",
                part,
                Arrays.copyOfRange(y, from * out, part.length + from * out));
            var gx = new float[FRAMES * in];
            int loops = conv.inputGradientLoops(gy, from * out, n, activeX, from * in);
            chosen.add(loops);
            conv.inputGradient(gy, from * out, w, gx, from * in, n, activeX, from * in);
            // As many frames as there are, with the loops that these few have chosen.
            var all = new float[FRAMES * in];
            whole.inputGradientLoops(gy, 0, FRAMES, activeX, 0);
            whole.inputGradient(gy, 0, w, all, 0, FRAMES, activeX, 0, loops);
            for (int i = from * in; i < (from + n) * in; i++) {
              if (activeX != null && x[i] == 0) {
                gx[i] = all[i];
              }
            }
            assertSame(
                shape + " input gradient",
                Arrays.copyOfRange(gx, from * in, (from + n) * in),
                Arrays.copyOfRange(all, from * in, (from + n) * in));
          }
        }
      }
    }
    return chosen;
  }

  private static void assertSame(String what, float[] actual, float[] expected) {
    int differs = Arrays.mismatch(actual, expected);
    // 0 and -0 are the same number.
    while (differs >= 0 && actual[differs] == expected[differs]) {
      actual[differs] = expected[differs];
      differs = Arrays.mismatch(actual, expected);
    }
    assertThat(differs).as(what).isEqualTo(-1);
  }
}
