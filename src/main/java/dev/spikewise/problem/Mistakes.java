package dev.spikewise.problem;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Collects everything that is wrong with a document, each mistake with its JSON pointer (RFC 6901),
 * so that a sender learns of all of them at once. {@link #in} gives a view that writes one level
 * deeper into the same list.
 */
public final class Mistakes {

  /**
   * One thing that is wrong. {@code pointer} is "" for the whole document.
   *
   * @param pointer JSON pointer (RFC 6901) of the place
   * @param detail what is wrong, and what would be right
   */
  public record Mistake(String pointer, String detail) {

    /** Whether it is at the place {@code pointer} or below it. */
    public boolean isWithin(String pointer) {
      return (this.pointer + "/").startsWith(pointer + "/");
    }
  }

  /** A sender reads no more than so many of them, and a body can have millions. */
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

  /** Whether no more mistakes are collected: what looks for them can stop. */
  public boolean isFull() {
    return found.size() >= MOST;
  }

  public void add(String detail) {
    if (found.size() < MOST) {
      found.add(new Mistake(pointer, detail));
    }
  }

  /** Adds {@code detail} unless {@code holds}; returns {@code holds}. */
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
   * Checks that a name can be stored and is shown as it is written, on one line: no control
   * characters, of which NUL cannot be stored, and none that change the direction of the text
   * around them or are invisible.
   */
  public boolean name(String value, String name) {
    return shown(value, name, false);
  }

  /** As {@link #name}, for a text that may have several lines. */
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
      // Persian and emoji need the two joiners.
      case Character.FORMAT -> c == 0x200C || c == 0x200D;
      default -> true;
    };
  }

  /** Whether nothing was found at this place or below it, nor can have been forgotten. */
  public boolean isEmpty() {
    return found.size() < MOST && found.stream().noneMatch(mistake -> mistake.isWithin(pointer));
  }

  /** Forgets the mistakes that turn out to say nothing new. */
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
