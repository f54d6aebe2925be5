package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * Published energy of one operation on a chip. An estimate: it excludes memory, idle power and
 * neuron updates.
 */
public enum EnergyPreset {
  /** Intel's Loihi. */
  @JsonProperty("loihi")
  LOIHI(
      23.6e-12,
      23.6e-12,
      "23.6 pJ per synaptic operation; Davies et al. 2018, doi:10.1109/MM.2018.112130359"),
  /** IBM's TrueNorth. */
  @JsonProperty("truenorth")
  TRUENORTH(
      26e-12, 26e-12, "26 pJ per synaptic event; Merolla et al. 2014, doi:10.1126/science.1254642"),
  /**
   * Arithmetic only, in float32 on 45 nm CMOS: an AC is an addition, a MAC an addition and a
   * multiplication.
   */
  @JsonProperty("cmos_45nm")
  CMOS_45NM(
      0.9e-12,
      4.6e-12,
      "0.9 pJ per addition, 3.7 pJ per multiplication; Horowitz 2014,"
          + " doi:10.1109/ISSCC.2014.6757323");

  private final double joulesPerAc;
  private final double joulesPerMac;
  private final String source;

  EnergyPreset(double joulesPerAc, double joulesPerMac, String source) {
    this.joulesPerAc = joulesPerAc;
    this.joulesPerMac = joulesPerMac;
    this.source = source;
  }

  /** Energy of the given numbers of operations, in joules. */
  public double joules(double acs, double macs) {
    return joulesPerAc * acs + joulesPerMac * macs;
  }

  public String source() {
    return source;
  }
}
