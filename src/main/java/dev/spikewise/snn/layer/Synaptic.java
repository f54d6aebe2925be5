package dev.spikewise.snn.layer;

import dev.spikewise.snn.synops.Operations;
import org.jspecify.annotations.Nullable;

/** Synapses, which cause synaptic operations. */
public interface Synaptic {

  /** Name of the module in PyTorch: "4" or "5.rec_connect". */
  String name();

  /** Synaptic operations since the last reset, summed over samples and time. */
  double synops();

  /**
   * Adds the synaptic operations of each sample and time step to {@code counts} from now on.
   *
   * @param counts [samples of this process, time steps], shared by all layers; null to stop
   */
  void countSteps(double @Nullable [] counts);

  /** Effective operations since the last reset, in a network that measures. */
  Operations operations();

  /**
   * Adds these synops to the loss.
   *
   * @param perSample dL/d(synops of one sample)
   */
  void addToLoss(double perSample);
}
