package dev.spikewise.problem;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Collects all mistakes in a document, each with its JSON pointer (RFC 6901), so that a client
 * learns of all of them at once. {@link #in} returns a view for a nested place that adds to the
 * same list.
 */
public final class Mistakes {

  /**
   * One mistake. {@code pointer} is "" for the whole document.
   *
   * @param pointer JSON pointer (RFC 6901) of the place
   * @param detail description of what is wrong and what was expected
   */
  public record Mistake(String pointer, String detail) {

    /** Whether the mistake is at {@code pointer} or below it. */
    public boolean isWithin(String pointer) {
      return (this.pointer + "/").startsWith(pointer + "/");
    }
  }

  /** Maximum number of mistakes that are collected, because a body can have millions. */
  public static final int MOST = 100;

  private final String pointer;
  private final List<Mistake> found;

  public Mistakes() {
    this("", new ArrayList<>());
  }

  private Mistakes(String pointer, List<Mistake> found) {
    this.pointer = pointer;
    this.found = found;
  }

  public Mistakes in(String name) {
    return new Mistakes(pointer + "/" + name.replace("~", "~0").replace("/", "~1"), found);
  }

  public Mistakes in(int index) {
    return in(Integer.toString(index));
  }

  /** Whether the maximum is reached, so that a check can stop. */
  public boolean isFull() {
    return found.size() >= MOST;
  }

  public void add(String detail) {
    if (found.size() < MOST) {
      found.add(new Mistake(pointer, detail));
    }
  }

  /** Adds {@code detail} at {@code name} unless {@code holds}; returns {@code holds}. */
  public boolean require(boolean holds, String name, String detail) {
    if (!holds) {
      in(name).add(detail);
    }
    return holds;
  }

  public boolean atLeast(long value, long least, String name) {
    return require(value >= least, name, "must be at least " + least + " but was " + value);
  }

  public boolean positive(double value, String name) {
    return require(
        value > 0 && Double.isFinite(value),
        name,
        "must be a finite number above 0 but was " + value);
  }

  public boolean finite(double value, String name) {
    return require(Double.isFinite(value), name, "must be a finite number but was " + value);
  }

  public boolean between(double value, double least, double most, String name) {
    return require(
        value >= least && value <= most,
        name,
        "must be between " + least + " and " + most + " but was " + value);
  }

  /**
   * Checks that a name can be stored and is displayed as written on one line: it must not contain
   * control characters (PostgreSQL cannot store NUL), characters that change the text direction, or
   * invisible characters.
   */
  public boolean name(String value, String name) {
    return shown(value, name, false);
  }

  /** Same as {@link #name} for text that may have several lines. */
  public boolean text(String value, String name) {
    return shown(value, name, true);
  }

  private boolean shown(String value, String name, boolean lines) {
    var refused =
        value
            .codePoints()
            .filter(c -> !isShown(c) && !(lines && (c == '\n' || c == '\r' || c == '\t')))
            .findFirst();
    return require(
        refused.isEmpty(),
        name,
        String.format(
            "must not contain control, direction or invisible characters but contains U+%04X",
            refused.orElse(0)));
  }

  private static boolean isShown(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE ->
          false;
      // Persian text and emoji need the zero-width joiner and non-joiner.
      case Character.FORMAT -> c == 0x200C || c == 0x200D;
      default -> true;
    };
  }

  /**
   * Whether there is no mistake at this place or below it; false when the maximum was reached,
   * because later mistakes were dropped.
   */
  public boolean isEmpty() {
    return found.size() < MOST && found.stream().noneMatch(mistake -> mistake.isWithin(pointer));
  }

  /** Removes mistakes that are redundant. */
  public void removeIf(Predicate<Mistake> condition) {
    found.removeIf(condition);
  }

  public List<Mistake> list() {
    return List.copyOf(found);
  }

  /** Throws {@link InvalidSpecException} if anything was found. */
  public void throwIfAny() {
    if (!found.isEmpty()) {
      throw new InvalidSpecException(list());
    }
  }
}
