package dev.spikewise.dashboard;

import dev.spikewise.job.Job;
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
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneOffset.UTC);

  /** Three digits and an SI prefix: 24.2M. */
  public String si(@Nullable Number value) {
    if (value == null) {
      return NONE;
    }
    double v = value.doubleValue();
    double size = Math.abs(v);
    if (size >= 1e9) {
      return number("%.2fG", v / 1e9);
    }
    if (size >= 1e6) {
      return number("%.2fM", v / 1e6);
    }
    return size >= 1e3 ? number("%.1fk", v / 1e3) : number("%.3g", v);
  }

  public String rate(@Nullable Number value) {
    return value == null ? NONE : number("%.3f", value.doubleValue());
  }

  public String percent(@Nullable Number ratio) {
    return ratio == null ? NONE : number("%.1f %%", 100 * ratio.doubleValue());
  }

  public String time(@Nullable Instant instant) {
    return instant == null ? NONE : TIME.format(instant) + " UTC";
  }

  /** A job's name, with the beginning of its id where another of {@code jobs} has the same name. */
  public String label(Job job, List<Job> jobs) {
    if (job.name() == null) {
      return job.id().toString();
    }
    boolean alone = jobs.stream().filter(other -> job.name().equals(other.name())).count() == 1;
    return alone ? job.name() : job.name() + " · " + job.id().toString().substring(0, 8);
  }

  /** Time from now until {@code instant}, in its largest two units. */
  public String left(Instant instant) {
    var left = Duration.between(Instant.now(), instant);
    if (left.toHours() > 0) {
      return left.toHours() + " h " + left.toMinutesPart() + " min left";
    }
    return left.toMinutes() > 0
        ? left.toMinutes() + " min " + left.toSecondsPart() + " s left"
        : Math.max(1, left.toSeconds()) + " s left";
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
