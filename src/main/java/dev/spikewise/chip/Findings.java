package dev.spikewise.chip;

import dev.spikewise.chip.Deployability.Failure;
import dev.spikewise.chip.Deployability.Rule;
import java.util.ArrayList;
import java.util.List;

/** Failures and notes of a layer while they are found. */
final class Findings {

  final List<Failure> failures = new ArrayList<>();
  final List<String> notes = new ArrayList<>();

  void require(boolean holds, Rule rule, String detail) {
    var failure = new Failure(rule, detail);
    // A layer that reads several cores may break the same rule for each.
    if (!holds && !failures.contains(failure)) {
      failures.add(failure);
    }
  }
}
