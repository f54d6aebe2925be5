package dev.spikewise.snn.layer;

import dev.spikewise.snn.synops.Operations;

/** Synapses between neurons: what causes synaptic operations. */
public interface Synaptic {

  /** As PyTorch names the module: "4", or "5.rec_connect". */
  String name();

  /** Synaptic operations since the last reset, summed over samples and time. */
  double synops();

  /** What the synapses did since the last reset, where the network was told to measure it. */
  Operations operations();

  /**
   * Puts these synops into the loss.
   *
   * @param perSample dL/d(synops of one sample)
   */
  void addToLoss(double perSample);
}
