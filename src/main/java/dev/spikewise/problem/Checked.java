package dev.spikewise.problem;

/** A document that knows what can be wrong with it. */
public interface Checked {

  /** Reports everything that can be known to be wrong with this document by itself. */
  void check(Mistakes mistakes);
}
