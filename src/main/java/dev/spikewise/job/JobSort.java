package dev.spikewise.job;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.problem.Spelling;
import jakarta.persistence.criteria.CriteriaBuilder;
import jakarta.persistence.criteria.CriteriaQuery;
import jakarta.persistence.criteria.Expression;
import jakarta.persistence.criteria.Nulls;
import jakarta.persistence.criteria.Order;
import jakarta.persistence.criteria.Predicate;
import jakarta.persistence.criteria.Root;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Order of a list of jobs. Jobs with the same value are ordered by submission, newest first; jobs
 * without a value come last in either direction.
 */
public record JobSort(Key key, boolean descending) {

  /** Newest first. */
  public static final JobSort NEWEST = new JobSort(Key.CREATED_AT, true);

  /** Property by which jobs can be sorted. */
  public enum Key {
    CREATED_AT("number", Long::valueOf),
    STARTED_AT("startedAt", Instant::parse),
    FINISHED_AT("finishedAt", Instant::parse),
    NAME("name", text -> text),
    STATUS("status", JobState::valueOf),
    PRIORITY("priority", Integer::valueOf),
    EPOCH("epoch", Integer::valueOf),
    TARGET_SYNOPS("targetSynops", Double::valueOf),
    LOSS(JobMetric.LOSS),
    SYNOPS(JobMetric.SYNOPS),
    FIRING_RATE(JobMetric.FIRING_RATE),
    ACCURACY(JobMetric.ACCURACY),
    TEST_ACCURACY(JobMetric.TEST_ACCURACY),
    BEST_LOSS("bestLoss", Double::valueOf),
    BEST_SYNOPS("bestSynops", Double::valueOf),
    BEST_ACCURACY("bestAccuracy", Double::valueOf),
    BEST_TEST_ACCURACY("bestTestAccuracy", Double::valueOf);

    private final String attribute;
    private final Function<String, Comparable<?>> parse;

    Key(JobMetric metric) {
      this(metric.attribute(), Double::valueOf);
    }

    Key(String attribute, Function<String, Comparable<?>> parse) {
      this.attribute = attribute;
      this.parse = parse;
    }

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * @param text name of a key, descending after a hyphen
   */
  public static JobSort parse(String text) {
    boolean descending = text.startsWith("-");
    var word = descending ? text.substring(1) : text;
    var words = Arrays.stream(Key.values()).map(Key::word).toList();
    return Arrays.stream(Key.values())
        .filter(key -> key.word().equals(word))
        .findAny()
        .map(key -> new JobSort(key, descending))
        .orElseThrow(
            () ->
                new ProblemException(
                    Code.INVALID_PARAMETER,
                    "sort must be one of %s, descending after a hyphen, but was %s%s"
                        .formatted(
                            String.join(", ", words),
                            text,
                            Spelling.nearest(word, words)
                                .map("; did you mean %s?"::formatted)
                                .orElse(""))));
  }

  private String word() {
    return (descending ? "-" : "") + key.word();
  }

  /**
   * Position of a job in the list; the next page begins after it.
   *
   * @param value value of the sort key; null when the job has none
   * @param number number of the job in the order of submission
   */
  record Place(@Nullable Comparable<?> value, long number) {}

  /** Cursor of the page that begins after {@code row}. */
  String cursor(JobRow row) {
    if (equals(NEWEST)) {
      return Long.toString(row.number());
    }
    var value = row.value(key);
    var text =
        switch (value) {
          case null -> "";
          case JobState state -> "=" + state.name();
          default -> "=" + value;
        };
    return Base64.getUrlEncoder()
        .withoutPadding()
        .encodeToString(
            (word() + "\n" + row.number() + "\n" + text).getBytes(StandardCharsets.UTF_8));
  }

  /** Position that {@code cursor} encodes; null for the first page. */
  @Nullable Place place(@Nullable String cursor) {
    if (cursor == null) {
      return null;
    }
    try {
      if (equals(NEWEST)) {
        long number = Long.parseLong(cursor);
        return new Place(number, number);
      }
      var parts =
          new String(Base64.getUrlDecoder().decode(cursor), StandardCharsets.UTF_8).split("\n", 3);
      if (parts.length == 3 && parts[0].equals(word())) {
        var value = parts[2].isEmpty() ? null : key.parse.apply(parts[2].substring(1));
        return new Place(value, Long.parseLong(parts[1]));
      }
    } catch (IllegalArgumentException | DateTimeException e) {
      // Reported below, as a cursor of another list is.
    }
    throw new ProblemException(
        Code.INVALID_PARAMETER,
        "cursor must be the next_cursor of a list with sort=%s but was %s"
            .formatted(word(), cursor.length() <= 60 ? cursor : cursor.substring(0, 60)));
  }

  /** The attribute, whose type is that of {@link Place#value}. */
  @SuppressWarnings({"unchecked", "rawtypes"})
  private Expression<Comparable> attribute(Root<JobRow> job) {
    return (Expression) job.get(key.attribute);
  }

  void order(Root<JobRow> job, CriteriaQuery<?> query, CriteriaBuilder is) {
    var orders = new ArrayList<Order>();
    var value = attribute(job);
    orders.add(descending ? is.desc(value, Nulls.LAST) : is.asc(value, Nulls.LAST));
    if (key != Key.CREATED_AT) {
      orders.add(is.desc(job.get("number")));
    }
    query.orderBy(List.copyOf(orders));
  }

  /** Whether a job comes after {@code place}. */
  @SuppressWarnings({"unchecked", "rawtypes"})
  Predicate after(Place place, Root<JobRow> job, CriteriaBuilder is) {
    var value = attribute(job);
    var older = is.lessThan(job.<Long>get("number"), place.number());
    if (place.value() == null) {
      return is.and(is.isNull(value), older);
    }
    var bound = (Comparable) place.value();
    var beyond = descending ? is.lessThan(value, bound) : is.greaterThan(value, bound);
    return key == Key.CREATED_AT
        ? beyond
        : is.or(beyond, is.isNull(value), is.and(is.equal(value, bound), older));
  }
}
