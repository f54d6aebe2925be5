package dev.spikewise.job;

import java.util.Locale;

/** Metrics of a job's latest epoch by which jobs can be sorted and filtered. */
public enum JobMetric {
  LOSS("loss"),
  SYNOPS("synops"),
  FIRING_RATE("firingRate"),
  ACCURACY("accuracy"),
  TEST_ACCURACY("testAccuracy");

  /** Name of the attribute of {@link JobRow}. */
  private final String attribute;

  JobMetric(String attribute) {
    this.attribute = attribute;
  }

  String attribute() {
    return attribute;
  }

  /** Name in requests and responses. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
