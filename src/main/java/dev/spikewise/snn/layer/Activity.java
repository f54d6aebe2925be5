package dev.spikewise.snn.layer;

/** Counts of a layer of ReLUs in a batch. */
public interface Activity {

  String name();

  /** Output since the last reset, summed over samples, time and neurons, times the fan-out. */
  double activity();
}
