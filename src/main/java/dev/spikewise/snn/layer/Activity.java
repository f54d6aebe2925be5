package dev.spikewise.snn.layer;

/** What a layer of ReLUs counts in a batch. */
public interface Activity {

  String name();

  /** Output since the last reset, summed over samples, time and neurons, times the fan-out. */
  double activity();
}
