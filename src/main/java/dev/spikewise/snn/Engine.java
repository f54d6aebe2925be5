package dev.spikewise.snn;

import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.kernel.VectorKernels;

/**
 * What a training computes with: a kind of kernels and a number of threads. Results do not depend on the number. Not
 * shared between trainings that run at the same time.
 */
public final class Engine implements AutoCloseable {

  private final Kernels kernels;
  private final String reason;

  private Engine(Kernels kernels, String reason) {
    this.kernels = kernels;
    this.reason = reason;
  }

  /** The fastest kernels this JVM can run, on {@code threads} threads (the caller's is one of them). */
  public static Engine create(int threads) {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return new Engine(
          new ScalarKernels(threads),
          "the Vector API is missing: start Java with --add-modules jdk.incubator.vector to train many times faster");
    }
    return new Engine(new VectorKernels(threads), "the Vector API is there, with " + VectorKernels.bits() + " bits");
  }

  /** The kernels that define what the fast ones must compute. */
  public static Engine scalar(int threads) {
    return new Engine(new ScalarKernels(threads), "asked for");
  }

  public int threads() {
    return kernels.parallel().threads();
  }

  /** Name of the kernels, for provenance: "vector-512", "scalar". */
  public String kernels() {
    return kernels.name();
  }

  /** Why these kernels were chosen, in a sentence for the log. */
  public String reason() {
    return reason;
  }

  Kernels kernelsInUse() {
    return kernels;
  }

  @Override
  public void close() {
    kernels.close();
  }
}
