package dev.spikewise.store;

import java.util.Locale;

/** Patterns for SQL LIKE with a backslash as the escape character. */
public final class Search {

  private Search() {}

  /** Pattern that matches lower-case texts that contain {@code part}. */
  public static String containing(String part) {
    return "%" + part.toLowerCase(Locale.ROOT).replaceAll("([\\\\%_])", "\\\\$1") + "%";
  }
}
