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
    if (!holds) {
      failures.add(new Failure(rule, detail));
    }
  }
}
