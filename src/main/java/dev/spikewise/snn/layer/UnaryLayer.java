package dev.spikewise.snn.layer;

/** A layer with one input. */
public abstract sealed class UnaryLayer extends Layer
    permits Synapses,
        Pool,
        MaxPool,
        SpikingMaxPool,
        Rearrangement,
        Neurons,
        Rectifier,
        BatchNorm,
        FrameNorm,
        Dropout {

  public final Signal in;

  public UnaryLayer(String name, Signal in, Signal out) {
    super(name, out);
    this.in = in;
  }

  /** Computes dL/din from dL/dout for the samples, and adds to the parameters' gradients. */
  public abstract void backward(int from, int to, Signal gOut, Signal gIn);
}
