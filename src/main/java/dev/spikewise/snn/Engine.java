package dev.spikewise.snn;

import dev.spikewise.snn.graph.Purpose;
import dev.spikewise.snn.kernel.Kernels;
import dev.spikewise.snn.kernel.Parallel;
import dev.spikewise.snn.kernel.ScalarKernels;
import dev.spikewise.snn.kernel.nd4j.Nd4jKernels;
import dev.spikewise.snn.kernel.vector.VectorKernels;
import dev.spikewise.snn.network.CpuExecutor;
import dev.spikewise.snn.network.Executor;
import dev.spikewise.snn.world.Ranks;
import dev.spikewise.snn.world.World;
import dev.spikewise.spec.ModelSpec;
import java.lang.module.ModuleFinder;

/**
 * Kernels and threads of a training. Results do not depend on the number of threads. An engine must
 * not be shared between concurrent trainings.
 */
public final class Engine implements AutoCloseable {

  private static final String KERNELS = "spikewise.kernels";

  private static final String MODULE = "jdk.incubator.vector";
  private static final boolean VECTOR_API = ModuleLayer.boot().findModule(MODULE).isPresent();

  private final Kernels kernels;
  private final String reason;
  private final Runnable goOn;
  private final Ranks ranks;

  private Engine(Kernels kernels, String reason) {
    this(kernels, reason, () -> {}, Ranks.ALONE);
  }

  private Engine(Kernels kernels, String reason, Runnable goOn, Ranks ranks) {
    this.kernels = kernels;
    this.reason = reason;
    this.goOn = goOn;
    this.ranks = ranks;
  }

  /**
   * Creates an engine with the fastest kernels that this JVM supports, or with those named by the
   * system property {@value #KERNELS} (scalar, vector or nd4j), on {@code threads} threads
   * including the caller's.
   *
   * @throws IllegalArgumentException when the property has another value
   * @throws IllegalStateException when the named kernels are not supported by this JVM
   */
  public static Engine create(int threads) {
    String asked = System.getProperty(KERNELS);
    return asked == null
        ? fastest(threads)
        : new Engine(named(asked, threads), KERNELS + "=" + asked);
  }

  /**
   * Same as {@link #create(int)} for computations that can be stopped.
   *
   * @param goOn called before each layer of a forward pass; an exception ends the computation
   */
  public static Engine create(int threads, Runnable goOn) {
    var engine = create(threads);
    return new Engine(engine.kernels, engine.reason, goOn, engine.ranks);
  }

  /**
   * The same for trainings that the processes of a world share; all of them create the same
   * engines, train the same networks, and get the same bits as one process alone.
   */
  public Engine in(World world) {
    return new Engine(kernels, reason, goOn, new Ranks(world));
  }

  private static Engine fastest(int threads) {
    return VECTOR_API
        ? new Engine(
            new VectorKernels(threads),
            "the Vector API is available, with " + VectorKernels.bits() + " bits")
        : new Engine(new ScalarKernels(threads), "the Vector API is missing: " + howToAddIt());
  }

  private static Kernels named(String kernels, int threads) {
    return switch (kernels) {
      case "scalar" -> new ScalarKernels(threads);
      case "vector" -> {
        if (!VECTOR_API) {
          throw new IllegalStateException(
              KERNELS + "=vector needs the Vector API: " + howToAddIt());
        }
        yield new VectorKernels(threads);
      }
      case "nd4j" -> new Nd4jKernels(fastest(threads).kernels);
      default ->
          throw new IllegalArgumentException(
              KERNELS + " must be scalar, vector or nd4j but was \"" + kernels + "\"");
    };
  }

  private static String howToAddIt() {
    return (ModuleFinder.ofSystem().find(MODULE).isPresent()
            ? "start Java with --add-modules " + MODULE
            : "use a Java runtime that has the module " + MODULE + ", such as a full JDK 25,")
        + " to train many times faster";
  }

  /** Creates an engine with the scalar kernels, which are the specification of the others. */
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

  /** Reason for the choice of kernels, for the log. */
  public String reason() {
    return reason;
  }

  /** Whether training is many times slower than possible because the Vector API is missing. */
  public boolean isSlow() {
    return kernels instanceof ScalarKernels;
  }

  /** A network that this engine computes. */
  Executor executor(
      ModelSpec model, int batchSize, int timeSteps, boolean constantInput, Purpose purpose) {
    return new CpuExecutor(model, batchSize, timeSteps, constantInput, purpose, kernels, ranks);
  }

  /**
   * What a process had to do with the others.
   *
   * @param samples samples that it sent through a network itself
   * @param exchangeSeconds time spent on sums over all processes, including waiting
   * @param waitSeconds the part of it spent on transfers and waiting for the others
   * @param sentBytes bytes that it sent to them
   */
  public record Sharing(long samples, double exchangeSeconds, double waitSeconds, long sentBytes) {}

  /** What this process of a world has done so far; zeros for a process on its own. */
  public Sharing sharing() {
    return new Sharing(
        ranks.samples(), ranks.exchangeNanos() / 1e9, ranks.waitNanos() / 1e9, ranks.sentBytes());
  }

  /** Splits work outside of the network, such as encoding samples, among the threads. */
  Parallel parallel() {
    return kernels.parallel();
  }

  /** The processes that share a training. */
  Ranks ranks() {
    return ranks;
  }

  Runnable goOn() {
    return goOn;
  }

  Kernels kernelsInUse() {
    return kernels;
  }

  @Override
  public void close() {
    kernels.close();
  }
}
