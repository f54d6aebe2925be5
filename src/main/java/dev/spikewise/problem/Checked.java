package dev.spikewise.problem;

/** A document that can check itself. */
public interface Checked {

  /** Reports all mistakes that can be found without other documents. */
  void check(Mistakes mistakes);
}
