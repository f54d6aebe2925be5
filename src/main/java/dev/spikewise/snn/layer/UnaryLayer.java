package dev.spikewise.snn.layer;

import dev.spikewise.snn.kernel.Parallel;

/** A layer with one input. */
public abstract non-sealed class UnaryLayer extends Layer {

  public final Signal in;

  public UnaryLayer(String name, Signal in, Signal out) {
    super(name, out);
    this.in = in;
  }

  /** Computes dL/din from dL/dout for the samples, and adds to the parameters' gradients. */
  public abstract void backward(int from, int to, Signal gOut, Signal gIn);

  /**
   * Whether {@link #backward} accepts samples of several chunks and ends chunks itself. Otherwise
   * it is called for samples of one chunk at a time if the layer has parameters.
   */
  public boolean endsChunks() {
    return false;
  }

  /** Samples {@code from..to-1}, which belong to one chunk. */
  public interface Samples {
    void add(int from, int to);
  }

  /**
   * Calls {@code work} for the samples {@code from..to-1} chunk by chunk, and ends each chunk in
   * the gradients of the parameters.
   */
  public final void forEachChunk(int from, int to, Parallel parallel, Samples work) {
    for (int first = from; first < to; ) {
      int end = chunks.end(first);
      work.add(first, Math.min(to, end));
      if (end <= to) {
        int chunk = chunks.of(first);
        parameters().forEach(p -> p.endChunk(chunk, chunks, parallel));
      }
      first = Math.min(to, end);
    }
  }
}
