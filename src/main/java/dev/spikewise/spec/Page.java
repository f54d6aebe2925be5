package dev.spikewise.spec;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * One page of a list.
 *
 * @param nextCursor Cursor of the next page, to pass as {@code cursor}; null on the last page.
 * @param data Entries of this page.
 */
public record Page<T>(List<T> data, @Nullable String nextCursor) {

  /** Approximate number of bytes after which a page ends. */
  public static final long MAX_BYTES = 2 << 20;

  /**
   * @param rows rows of the page, plus one more when there are further rows
   * @param number position of a row in the order of creation, which later rows do not change
   */
  public static <R, T> Page<T> of(
      List<R> rows, int limit, Function<R, T> view, Function<R, Long> number) {
    var page = rows.subList(0, Math.min(limit, rows.size()));
    return new Page<>(
        page.stream().map(view).toList(),
        rows.size() > limit ? Long.toString(number.apply(page.getLast())) : null);
  }

  /**
   * Builds a page that ends early when the entries are large, but has at least one if there is any.
   *
   * @param bytes an entry's approximate size in JSON
   */
  public static <R, T> Page<T> ofViews(
      List<R> rows,
      int limit,
      Function<R, T> view,
      ToLongFunction<T> bytes,
      Function<R, Long> number) {
    var page = new ArrayList<T>();
    long sum = 0;
    for (var row : rows.subList(0, Math.min(limit, rows.size()))) {
      if (sum >= MAX_BYTES) {
        break;
      }
      var entry = view.apply(row);
      page.add(entry);
      sum += bytes.applyAsLong(entry);
    }
    return new Page<>(
        page,
        page.size() < rows.size() ? Long.toString(number.apply(rows.get(page.size() - 1))) : null);
  }

  /**
   * Builds a page that ends early when the rows are large, but has at least one row if there is
   * any.
   *
   * @param bytes a row's approximate size in JSON
   */
  public static <R, T> Page<T> of(
      List<R> rows,
      int limit,
      ToLongFunction<R> bytes,
      Function<R, T> view,
      Function<R, Long> number) {
    int end = 0;
    for (long sum = 0; end < Math.min(limit, rows.size()) && sum < MAX_BYTES; end++) {
      sum += bytes.applyAsLong(rows.get(end));
    }
    return of(rows, end, view, number);
  }
}
