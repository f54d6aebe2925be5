package dev.spikewise.web;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import org.jspecify.annotations.Nullable;

/**
 * Selects a page of a list.
 *
 * @param limit Maximum number of entries per page, 1 to 200; default 20.
 * @param cursor Value of {@code next_cursor} of the preceding page; the first page when absent.
 */
public record PageQuery(@Nullable Integer limit, @Nullable String cursor) {

  private static final int DEFAULT_LIMIT = 20;
  private static final int MAX_LIMIT = 200;

  public int size() {
    if (limit == null) {
      return DEFAULT_LIMIT;
    }
    if (limit < 1 || limit > MAX_LIMIT) {
      throw new ProblemException(
          Code.INVALID_PARAMETER, "limit must be between 1 and " + MAX_LIMIT + " but was " + limit);
    }
    return limit;
  }

  /** Upper bound, exclusive, of the numbers of this page's rows. */
  public long before() {
    try {
      return cursor == null ? Long.MAX_VALUE : Long.parseLong(cursor);
    } catch (NumberFormatException e) {
      throw new ProblemException(
          Code.INVALID_PARAMETER,
          "cursor must be the next_cursor of a page of this list but was "
              + (cursor.length() <= 60 ? cursor : cursor.substring(0, 60)));
    }
  }
}
