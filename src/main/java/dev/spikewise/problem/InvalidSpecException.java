package dev.spikewise.problem;

import dev.spikewise.problem.Mistakes.Mistake;
import java.util.List;

/**
 * A document could be parsed but is invalid; {@link #mistakes()} lists all mistakes with their
 * places.
 */
public final class InvalidSpecException extends RuntimeException {

  private final transient List<Mistake> mistakes;

  public InvalidSpecException(List<Mistake> mistakes) {
    super(describe(mistakes));
    this.mistakes = List.copyOf(mistakes);
  }

  public InvalidSpecException(String pointer, String detail) {
    this(List.of(new Mistake(pointer, detail)));
  }

  public List<Mistake> mistakes() {
    return mistakes;
  }

  private static String describe(List<Mistake> mistakes) {
    var first = mistakes.getFirst();
    String text =
        first.pointer().isEmpty() ? first.detail() : first.pointer() + " " + first.detail();
    return mistakes.size() == 1 ? text : text + " (and " + (mistakes.size() - 1) + " more)";
  }
}
