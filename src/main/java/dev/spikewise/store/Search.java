package dev.spikewise.store;

import java.util.Locale;

/** Patterns of SQL's LIKE, with a backslash as the escape character. */
public final class Search {

  private Search() {}

  /** Pattern of lower-case texts that contain {@code part}. */
  public static String containing(String part) {
    return "%" + part.toLowerCase(Locale.ROOT).replaceAll("([\\\\%_])", "\\\\$1") + "%";
  }
}
