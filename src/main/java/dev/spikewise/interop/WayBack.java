package dev.spikewise.interop;

import dev.spikewise.spec.LayerSpec;

/** Neurons with and without a way back from each to all, otherwise the same. */
final class WayBack {

  private WayBack() {}

  static LayerSpec.Spiking without(LayerSpec.Recurrent layer) {
    return switch (layer) {
      case LayerSpec.IAFRecurrent iaf ->
          new LayerSpec.IAF(
              iaf.spikeThreshold(),
              iaf.spikeFn(),
              iaf.resetFn(),
              iaf.surrogateGradFn(),
              iaf.tauSyn(),
              iaf.minVMem(),
              iaf.sinabsCompat());
      case LayerSpec.LIFRecurrent lif ->
          new LayerSpec.LIF(
              lif.tauMem(),
              lif.tauSyn(),
              lif.trainAlphas(),
              lif.normInput(),
              lif.spikeThreshold(),
              lif.spikeFn(),
              lif.resetFn(),
              lif.surrogateGradFn(),
              lif.minVMem(),
              lif.sinabsCompat());
    };
  }

  /**
   * @throws IllegalArgumentException for neurons that know none
   */
  static LayerSpec.Recurrent with(LayerSpec.Linear back, LayerSpec.Spiking layer) {
    return switch (layer) {
      case LayerSpec.IAF iaf ->
          new LayerSpec.IAFRecurrent(
              back,
              iaf.tauSyn(),
              iaf.spikeThreshold(),
              iaf.spikeFn(),
              iaf.resetFn(),
              iaf.surrogateGradFn(),
              iaf.minVMem(),
              iaf.sinabsCompat());
      case LayerSpec.LIF lif ->
          new LayerSpec.LIFRecurrent(
              lif.tauMem(),
              back,
              lif.tauSyn(),
              lif.trainAlphas(),
              lif.normInput(),
              lif.spikeThreshold(),
              lif.spikeFn(),
              lif.resetFn(),
              lif.surrogateGradFn(),
              lif.minVMem(),
              lif.sinabsCompat());
      case LayerSpec.ALIF _, LayerSpec.Recurrent _ ->
          throw new IllegalArgumentException(layer.typeName());
    };
  }
}
