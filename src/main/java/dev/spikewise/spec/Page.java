package dev.spikewise.spec;

import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A part of a list, newest first.
 *
 * @param nextCursor where the next page begins; null on the last
 * @param data the entries
 */
public record Page<T>(List<T> data, @Nullable String nextCursor) {

  /**
   * @param rows one more than {@code limit} where there are more
   * @param number a row's place in the order of creation, which later rows do not change
   */
  public static <R, T> Page<T> of(
      List<R> rows, int limit, Function<R, T> view, Function<R, Long> number) {
    var page = rows.subList(0, Math.min(limit, rows.size()));
    return new Page<>(
        page.stream().map(view).toList(),
        rows.size() > limit ? Long.toString(number.apply(page.getLast())) : null);
  }
}
