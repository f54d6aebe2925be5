package dev.spikewise.snn;

/**
 * What a training computes with: a kind of kernels and a number of threads. Results do not depend on the number.
 * Not shared between trainings that run at the same time.
 */
public final class Engine implements AutoCloseable {

  private final int threads;

  private Engine(int threads) {
    this.threads = threads;
  }

  /** The fastest kernels this JVM can run, on {@code threads} threads (the caller's is one of them). */
  public static Engine create(int threads) {
    return new Engine(threads);
  }

  public int threads() {
    return threads;
  }

  /** Name of the kernels, for provenance: "vector-512", "scalar". */
  public String kernels() {
    return "none";
  }

  /** Why these kernels were chosen, in a sentence for the log. */
  public String reason() {
    return "";
  }

  @Override
  public void close() {}
}
