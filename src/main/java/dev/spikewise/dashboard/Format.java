package dev.spikewise.dashboard;

import dev.spikewise.job.Job;
import java.math.BigDecimal;
import java.math.MathContext;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;

/** How the pages write figures; a dash where there is none. */
@Component("format")
class Format {

  private static final String NONE = "–";
  private static final String[] PREFIXES = {"", "k", "M", "G", "T"};

  /** Narrow, and no place to break a line. */
  private static final char SPACE = '\u202f';

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss 'UTC'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  /** Three digits and an SI prefix: 24.2 M; a power of ten where there is no prefix. */
  public String si(@Nullable Number value) {
    if (value == null) {
      return NONE;
    }
    double v = value.doubleValue();
    if (v == 0 || !Double.isFinite(v)) {
      return v == 0 ? "0" : Double.isNaN(v) ? "not a number" : v > 0 ? "∞" : "-∞";
    }
    var rounded = new BigDecimal(v).round(new MathContext(3));
    int power = rounded.precision() - rounded.scale() - 1;
    if (power < -3 || power >= 3 * PREFIXES.length) {
      return String.format(Locale.ROOT, "%.2e", v).replace("e+", "e").replaceFirst("e(-?)0", "e$1");
    }
    int prefix = Math.max(0, power / 3);
    var digits = rounded.scaleByPowerOfTen(-3 * prefix).toPlainString();
    return prefix == 0 ? digits : digits + SPACE + PREFIXES[prefix];
  }

  /** All of a large number's digits, for those who want them: 24,220,800. */
  public String exactly(@Nullable Double value) {
    return value == null || Math.abs(value) >= 1e15
        ? ""
        : String.format(Locale.ROOT, "%,.0f", value);
  }

  public String rate(@Nullable Number value) {
    return value == null || value.doubleValue() >= 1000
        ? si(value)
        : String.format(Locale.ROOT, "%.3f", value.doubleValue());
  }

  public String percent(@Nullable Number ratio) {
    if (ratio == null) {
      return NONE;
    }
    double percent = 100 * ratio.doubleValue();
    return (percent < 1000 ? String.format(Locale.ROOT, "%.1f", percent) : si(percent))
        + SPACE
        + "%";
  }

  public String time(@Nullable Instant instant) {
    return instant == null ? NONE : TIME.format(instant);
  }

  /** A job's name, or what tells it from others without one. */
  public String name(Job job) {
    return job.name() == null ? "Job " + beginning(job) : job.name();
  }

  /** A job's name, with the beginning of its id where another of {@code jobs} has the same name. */
  public String label(Job job, List<Job> jobs) {
    if (job.name() == null) {
      return name(job);
    }
    boolean alone = jobs.stream().filter(other -> job.name().equals(other.name())).count() == 1;
    return alone ? job.name() : job.name() + " · " + beginning(job);
  }

  private static String beginning(Job job) {
    return job.id().toString().substring(0, 8);
  }

  public String queue(Job.Queue queue) {
    if (queue.waitingFor() != null) {
      return queue.waitingFor();
    }
    return queue.jobsAhead() == 0
        ? "next"
        : queue.jobsAhead() == 1 ? "1 job ahead" : queue.jobsAhead() + " jobs ahead";
  }

  /** Time from now until {@code instant}. */
  public String left(Instant instant) {
    var left = Duration.between(Instant.now(), instant);
    return left.isPositive() ? duration(left) + " left" : "nearly done";
  }

  /** From {@code start} until {@code end}, or until now. */
  public String took(@Nullable Instant start, @Nullable Instant end) {
    return start == null
        ? NONE
        : duration(Duration.between(start, end == null ? Instant.now() : end));
  }

  /** A label as the list of jobs is narrowed to it. */
  public String filter(String key, String value) {
    return key.replaceAll("([\\\\:])", "\\\\$1") + ":" + value;
  }

  /** 3.48 s, 820 ms or 1 min 22 s. */
  public String duration(double ms) {
    if (ms >= 60_000) {
      return duration(Duration.ofMillis((long) ms));
    }
    return ms >= 1000
        ? String.format(Locale.ROOT, "%.3g", ms / 1000) + SPACE + "s"
        : String.format(Locale.ROOT, ms < 10 ? "%.2g" : "%.0f", ms) + SPACE + "ms";
  }

  /** In its largest two units, on one line. */
  private static String duration(Duration time) {
    return words(time).replace(' ', SPACE);
  }

  private static String words(Duration time) {
    if (time.toDays() > 0) {
      return time.toDays() + " d " + time.toHoursPart() + " h";
    }
    if (time.toHours() > 0) {
      return time.toHours() + " h " + time.toMinutesPart() + " min";
    }
    return time.toMinutes() > 0
        ? time.toMinutes() + " min " + time.toSecondsPart() + " s"
        : Math.max(1, time.toSeconds()) + " s";
  }
}
