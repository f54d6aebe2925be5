package dev.spikewise.interop.events;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Unit of the times of a recording. */
public enum TimeUnit {
  S("s", 1e6),
  MS("ms", 1e3),
  US("us", 1),
  NS("ns", 1e-3);

  private final String word;
  private final double microseconds;

  TimeUnit(String word, double microseconds) {
    this.word = word;
    this.microseconds = microseconds;
  }

  public String word() {
    return word;
  }

  double microseconds() {
    return microseconds;
  }

  public static Optional<TimeUnit> of(String word) {
    return Arrays.stream(values()).filter(unit -> unit.word.equals(word)).findFirst();
  }

  public static List<String> words() {
    return Arrays.stream(values()).map(TimeUnit::word).toList();
  }
}
