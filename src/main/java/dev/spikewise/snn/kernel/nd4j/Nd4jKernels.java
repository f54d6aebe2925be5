package dev.spikewise.snn.kernel.nd4j;

import dev.spikewise.snn.kernel.AdamStep;
import dev.spikewise.snn.kernel.ConvShape;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Neuron;
import dev.spikewise.snn.kernel.NeuronRange;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.PoolShape;
import java.util.Arrays;
import org.bytedeco.javacpp.FloatPointer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.CustomOp;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.nativeblas.NativeOpsHolder;

/**
 * Computes convolutions with ND4J and its oneDNN. Loops over neurons and pixels are delegated to
 * other kernels, because one call of ND4J costs as much as a whole loop. Each operation is a
 * forward convolution or its transposition, which are fast in oneDNN. A dilated kernel is expanded
 * with zeros, because ND4J's oneDNN refuses dilation. The order of summation in oneDNN may depend
 * on the number of threads.
 */
public final class Nd4jKernels implements Kernels {

  private final Kernels loops;

  /**
   * Loads ND4J's native libraries.
   *
   * @param loops kernels for everything but convolutions; closed together with this object
   * @throws IllegalStateException when there are no native libraries for this platform
   */
  public Nd4jKernels(Kernels loops) {
    this.loops = loops;
    try {
      Nd4j.getExecutioner();
      NativeOpsHolder.getInstance()
          .getDeviceNativeOps()
          .setOmpNumThreads(loops.parallel().threads());
    } catch (LinkageError e) {
      loops.close();
      throw new IllegalStateException(
          "ND4J cannot run on "
              + System.getProperty("os.name")
              + " "
              + System.getProperty("os.arch")
              + ": its natives are not on the class path or do not load; train with the vector"
              + " kernels",
          e);
    }
  }

  @Override
  public String name() {
    return "nd4j";
  }

  @Override
  public Parallel parallel() {
    return loops.parallel();
  }

  @Override
  public Conv conv(ConvShape shape, int maxFrames) {
    return new Nd4jConv(shape);
  }

  @Override
  public void poolForward(PoolShape shape, float[] x, int xAt, float[] y, int yAt) {
    loops.poolForward(shape, x, xAt, y, yAt);
  }

  @Override
  public void poolBackward(
      PoolShape shape, float[] gy, int gyAt, float[] y, int yAt, float[] gx, int gxAt) {
    loops.poolBackward(shape, gy, gyAt, y, yAt, gx, gxAt);
  }

  @Override
  public double weightedSum(float[] x, int at, int channels, float[] weights) {
    return loops.weightedSum(x, at, channels, weights);
  }

  @Override
  public void addWeights(float[] x, int at, int channels, float[] weights, float factor) {
    loops.addWeights(x, at, channels, weights, factor);
  }

  @Override
  public boolean fuses(PoolShape shape) {
    return loops.fuses(shape);
  }

  @Override
  public void neuronForward(Neuron neuron, NeuronRange range) {
    loops.neuronForward(neuron, range);
  }

  @Override
  public void neuronOutput(Neuron neuron, NeuronRange range) {
    loops.neuronOutput(neuron, range);
  }

  @Override
  public void neuronBackward(Neuron neuron, NeuronRange range) {
    loops.neuronBackward(neuron, range);
  }

  @Override
  public void adam(
      AdamStep step,
      float[] values,
      float[] gradient,
      float[] first,
      float[] second,
      int from,
      int to) {
    loops.adam(step, values, gradient, first, second, from, to);
  }

  @Override
  public void close() {
    loops.close();
  }

  /** Computes one group at a time, because ND4J does not support groups. */
  private static final class Nd4jConv implements Conv {

    private final ConvShape shape;
    private final int groupIn;
    private final int groupOut;
    private @Nullable Operations operations;

    Nd4jConv(ConvShape shape) {
      this.shape = shape;
      groupIn = shape.inCPerGroup();
      groupOut = shape.outCPerGroup();
    }

    private Operations operations(int frames) {
      Operations ops = operations;
      if (ops == null || ops.frames != frames) {
        ops = new Operations(shape, frames);
        operations = ops;
      }
      return ops;
    }

    @Override
    public void forward(
        float[] x, int xAt, float[] w, float @Nullable [] bias, float[] y, int yAt, int frames) {
      Operations ops = operations(frames);
      int pixels = frames * shape.inH() * shape.inW();
      for (int g = 0; g < shape.groups(); g++) {
        copy(pixels, groupIn, x, xAt + g * groupIn, shape.inC(), ops.scratch, 0, groupIn);
        put(ops.scratch, 0, ops.x);
        putWeights(w, g * shape.taps() * groupOut, ops);
        put(bias == null ? new float[groupOut] : bias, bias == null ? 0 : g * groupOut, ops.bias);
        Nd4j.exec(ops.forward);
        get(ops.y, ops.scratch);
        copy(
            frames * shape.windows(),
            groupOut,
            ops.scratch,
            0,
            groupOut,
            y,
            yAt + g * groupOut,
            shape.outC());
      }
    }

    @Override
    public void inputGradient(
        float[] gy,
        int gyAt,
        float[] w,
        float[] gx,
        int gxAt,
        int frames,
        float @Nullable [] activeX,
        int xAt) {
      Operations ops = operations(frames);
      Arrays.fill(gx, gxAt, gxAt + frames * shape.inSize(), 0);
      int height = (int) ops.gx.size(1);
      int width = (int) ops.gx.size(2);
      int columns = Math.min(shape.inW(), width - shape.padW());
      for (int g = 0; g < shape.groups(); g++) {
        copy(
            frames * shape.windows(),
            groupOut,
            gy,
            gyAt + g * groupOut,
            shape.outC(),
            ops.scratch,
            0,
            groupOut);
        put(ops.scratch, 0, ops.y);
        putWeights(w, g * shape.taps() * groupOut, ops);
        Nd4j.exec(ops.inputGradient);
        get(ops.gx, ops.scratch);
        for (int row = 0; row < frames * shape.inH(); row++) {
          int y = row % shape.inH() + shape.padH();
          if (y < height) {
            int from = ((row / shape.inH() * height + y) * width + shape.padW()) * groupIn;
            int to = gxAt + row * shape.inW() * shape.inC() + g * groupIn;
            copy(columns, groupIn, ops.scratch, from, groupIn, gx, to, shape.inC());
          }
        }
      }
    }

    private void putWeights(float[] w, int at, Operations ops) {
      int tap = groupIn * groupOut;
      Arrays.fill(ops.scratch, 0, (int) ops.w.length(), 0);
      for (int ky = 0; ky < shape.kH(); ky++) {
        int to = ky * shape.dilationH() * (int) ops.w.size(1) * tap;
        copy(
            shape.kW(),
            tap,
            w,
            at + ky * shape.kW() * tap,
            tap,
            ops.scratch,
            to,
            shape.dilationW() * tap);
      }
      put(ops.scratch, 0, ops.w);
    }

    @Override
    public void weightGradient(float[] x, int xAt, float[] gy, int gyAt, float[] gw, int frames) {
      Operations ops = operations(frames);
      int pixels = shape.inH() * shape.inW();
      int height = (int) ops.gw.size(1);
      int width = (int) ops.gw.size(2);
      for (int g = 0; g < shape.groups(); g++) {
        for (int f = 0; f < frames; f++) {
          for (int p = 0; p < pixels; p++) {
            int from = xAt + (f * pixels + p) * shape.inC() + g * groupIn;
            for (int c = 0; c < groupIn; c++) {
              ops.scratch[(c * pixels + p) * frames + f] = x[from + c];
            }
          }
        }
        put(ops.scratch, 0, ops.turnedX);
        Arrays.fill(ops.scratch, 0, (int) ops.turnedY.length(), 0);
        for (int r = 0; r < frames * shape.outH(); r++) {
          int f = r / shape.outH();
          int from = gyAt + r * shape.outW() * shape.outC() + g * groupOut;
          int to =
              (r % shape.outH() * shape.strideH() * (int) ops.turnedY.size(1) * frames + f)
                  * groupOut;
          int stride = shape.strideW() * frames * groupOut;
          copy(shape.outW(), groupOut, gy, from, shape.outC(), ops.scratch, to, stride);
        }
        put(ops.scratch, 0, ops.turnedY);
        Nd4j.exec(ops.weightGradient);
        get(ops.gw, ops.scratch);
        for (int k = 0; k < shape.taps(); k++) {
          int tap = k / groupIn;
          int y = tap / shape.kW() * shape.dilationH();
          int xPlace = tap % shape.kW() * shape.dilationW();
          int from = ((k % groupIn * height + y) * width + xPlace) * groupOut;
          int to = (g * shape.taps() + k) * groupOut;
          for (int o = 0; o < groupOut; o++) {
            gw[to + o] += ops.scratch[from + o];
          }
        }
      }
    }

    /** Rows of {@code count} values, each {@code stride} values after the one before. */
    private static void copy(
        int rows,
        int count,
        float[] from,
        int fromAt,
        int fromStride,
        float[] to,
        int toAt,
        int toStride) {
      if (count == fromStride && count == toStride) {
        System.arraycopy(from, fromAt, to, toAt, Math.max(rows, 0) * count);
        return;
      }
      for (int r = 0; r < rows; r++) {
        System.arraycopy(from, fromAt + r * fromStride, to, toAt + r * toStride, count);
      }
    }

    private static void put(float[] from, int at, INDArray to) {
      ((FloatPointer) to.data().pointer()).put(from, at, (int) to.length());
    }

    private static void get(INDArray from, float[] to) {
      ((FloatPointer) from.data().pointer()).get(to, 0, (int) from.length());
    }
  }

  /** ND4J's arrays and operations for one group and a number of frames, channels last. */
  private static final class Operations {

    final int frames;
    final INDArray x;
    final INDArray w;
    final INDArray bias;
    final INDArray y;

    /** Gradient of the padded input, without the rows and columns that no window reaches. */
    final INDArray gx;

    /**
     * For the weights' gradient: x as [Cin, H, W, frames]; the gradient of y, spread by the stride,
     * as a kernel.
     */
    final INDArray turnedX;

    final INDArray turnedY;
    final INDArray gw;
    final CustomOp forward;
    final CustomOp inputGradient;
    final CustomOp weightGradient;

    /** As long as the longest array. */
    final float[] scratch;

    Operations(ConvShape s, int frames) {
      this.frames = frames;
      int in = s.inCPerGroup();
      int out = s.outCPerGroup();
      int reachH = s.strideH() * (s.outH() - 1) + 1;
      int reachW = s.strideW() * (s.outW() - 1) + 1;
      int kernelH = s.dilationH() * (s.kH() - 1) + 1;
      int kernelW = s.dilationW() * (s.kW() - 1) + 1;
      x = array(frames, s.inH(), s.inW(), in);
      w = array(kernelH, kernelW, in, out);
      bias = array(out);
      y = array(frames, s.outH(), s.outW(), out);
      gx = array(frames, reachH + kernelH - 1, reachW + kernelW - 1, in);
      turnedX = array(in, s.inH(), s.inW(), frames);
      turnedY = array(reachH, reachW, frames, out);
      gw = array(in, s.paddedH() - reachH + 1, s.paddedW() - reachW + 1, out);
      forward =
          operation("conv2d", y, kernelH, kernelW, s.strideH(), s.strideW(), s.padH(), s.padW())
              .addInputs(x, w, bias)
              .build();
      inputGradient =
          operation("deconv2d", gx, kernelH, kernelW, s.strideH(), s.strideW(), 0, 0)
              .addInputs(y, w)
              .build();
      weightGradient =
          operation("conv2d", gw, reachH, reachW, 1, 1, s.padH(), s.padW())
              .addInputs(turnedX, turnedY)
              .build();
      long longest = 0;
      for (INDArray array : new INDArray[] {x, w, y, gx, turnedX, turnedY, gw}) {
        longest = Math.max(longest, array.length());
      }
      scratch = new float[(int) longest];
    }

    private static INDArray array(long... shape) {
      return Nd4j.create(DataType.FLOAT, shape);
    }

    /** {@code geometry}: kernel, stride, padding. */
    private static DynamicCustomOp.DynamicCustomOpsBuilder operation(
        String name, INDArray output, int... geometry) {
      int[] arguments = Arrays.copyOf(geometry, 11);
      // No dilation; padding as given (0); channels last; weights as [kH, kW, Cin, Cout] (0).
      arguments[6] = 1;
      arguments[7] = 1;
      arguments[9] = 1;
      return DynamicCustomOp.builder(name).addIntegerArguments(arguments).addOutputs(output);
    }
  }
}
