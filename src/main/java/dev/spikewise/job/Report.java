package dev.spikewise.job;

import java.io.StringWriter;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;
import org.jspecify.annotations.Nullable;

/** Report of a job's outcome, as Markdown for people and as JUnit XML for pipelines. */
public final class Report {

  private Report() {}

  /** Markdown report, for a pull request's comment or a pipeline's summary. */
  public static String markdown(Job job) {
    var text = new StringBuilder("### " + escape(title(job)) + ": " + outcome(job) + "\n\n");
    if (job.error() != null) {
      text.append(escape(job.error().detail())).append("\n\n");
    }
    if (job.verdict() != null) {
      text.append("| gate | value | |\n|---|---:|---|\n");
      for (var gate : job.verdict().results()) {
        text.append(
            "| %s | %s | %s |\n"
                .formatted(
                    limits(gate.metric(), gate.min(), gate.max()),
                    number(gate.value()),
                    gate.passed() ? "passed" : "**failed**"));
      }
      text.append('\n');
    }
    var before = job.baseline();
    var after = job.latest();
    if (before != null && after != null) {
      text.append("| | untrained | trained |\n|---|---:|---:|\n");
      text.append(
          "| synops per sample | %s | %s |\n"
              .formatted(number(before.synops()), number(after.synops())));
      text.append(
          "| firing rate | %s | %s |\n"
              .formatted(number(before.firingRate()), number(after.firingRate())));
      Stream.of(after.accuracy())
          .filter(Objects::nonNull)
          .forEach(a -> text.append("| accuracy | | %s |\n".formatted(number(a))));
      Stream.of(after.testAccuracy())
          .filter(Objects::nonNull)
          .forEach(a -> text.append("| test accuracy | | %s |\n".formatted(number(a))));
      Stream.of(after.testSynops())
          .filter(Objects::nonNull)
          .forEach(s -> text.append("| synops per test sample | | %s |\n".formatted(number(s))));
      Stream.of(after.quantizedAccuracy())
          .filter(Objects::nonNull)
          .forEach(a -> text.append("| accuracy, quantized | | %s |\n".formatted(number(a))));
      Stream.of(after.quantizedSynops())
          .filter(Objects::nonNull)
          .forEach(
              s -> text.append("| synops per sample, quantized | | %s |\n".formatted(number(s))));
      text.append('\n');
    }
    return text
        + "Job `%s`, %d of %d epochs%s\n"
            .formatted(
                job.id(),
                job.progress().epoch(),
                job.progress().epochs(),
                job.spec() == null ? "" : ", seed " + job.spec().seed());
  }

  /**
   * JUnit XML report with one test case per gate, or a single one for the training when there are
   * no gates or the training did not succeed.
   */
  public static String junit(Job job) {
    var text = new StringWriter();
    try {
      var xml = XMLOutputFactory.newFactory().createXMLStreamWriter(text);
      xml.writeStartDocument();
      var gates = job.verdict() == null ? null : job.verdict().results();
      boolean succeeded = job.status() == JobState.SUCCEEDED;
      xml.writeStartElement("testsuite");
      xml.writeAttribute("name", printable(title(job)));
      xml.writeAttribute("tests", Integer.toString(gates == null ? 1 : gates.size()));
      xml.writeAttribute(
          "failures",
          Long.toString(gates == null ? 0 : gates.stream().filter(gate -> !gate.passed()).count()));
      xml.writeAttribute("errors", gates == null && !succeeded ? "1" : "0");
      xml.writeAttribute("skipped", "0");
      xml.writeAttribute("time", seconds(job));
      if (gates == null) {
        training(xml, job, succeeded);
      } else {
        for (var gate : gates) {
          gate(xml, gate);
        }
      }
      xml.writeEndDocument();
      xml.close();
    } catch (XMLStreamException e) {
      throw new IllegalStateException(e);
    }
    return text + "\n";
  }

  private static void training(XMLStreamWriter xml, Job job, boolean succeeded)
      throws XMLStreamException {
    testCase(xml, "training", seconds(job));
    if (!succeeded) {
      var detail = job.error() == null ? "the job is " + job.status().word() : job.error().detail();
      xml.writeEmptyElement("error");
      xml.writeAttribute("message", printable(detail));
    }
    xml.writeEndElement();
  }

  private static void gate(XMLStreamWriter xml, Verdict.Result gate) throws XMLStreamException {
    // The name contains no numbers, so that a pipeline recognises the test case when a limit
    // changes.
    testCase(xml, bounded(gate), "0");
    if (!gate.passed()) {
      xml.writeEmptyElement("failure");
      xml.writeAttribute(
          "message",
          "%s was %s but must be %s"
              .formatted(gate.metric(), number(gate.value()), required(gate.min(), gate.max())));
    }
    xml.writeEndElement();
  }

  private static void testCase(XMLStreamWriter xml, String name, String seconds)
      throws XMLStreamException {
    xml.writeStartElement("testcase");
    xml.writeAttribute("classname", "spikewise");
    xml.writeAttribute("name", name);
    xml.writeAttribute("time", seconds);
  }

  private static String seconds(Job job) {
    return job.startedAt() == null || job.finishedAt() == null
        ? "0"
        : String.format(
            Locale.ROOT,
            "%.3f",
            Duration.between(job.startedAt(), job.finishedAt()).toMillis() / 1e3);
  }

  private static String title(Job job) {
    return job.name() == null ? "job " + job.id() : job.name();
  }

  private static String outcome(Job job) {
    if (job.status() != JobState.SUCCEEDED || job.verdict() == null) {
      return job.status().word();
    }
    return job.verdict().passed() ? "all gates passed" : "a gate failed";
  }

  /** Such as "synops at most". */
  private static String bounded(Verdict.Result gate) {
    return gate.metric()
        + (gate.min() == null ? "" : " at least")
        + (gate.min() == null || gate.max() == null ? "" : " and")
        + (gate.max() == null ? "" : " at most");
  }

  private static String required(@Nullable Double min, @Nullable Double max) {
    return (min == null ? "" : "at least " + number(min))
        + (min == null || max == null ? "" : " and ")
        + (max == null ? "" : "at most " + number(max));
  }

  /** A gate on one line, such as {@code 0.9 ≤ accuracy}. */
  public static String limits(String metric, @Nullable Double min, @Nullable Double max) {
    return (min == null ? "" : number(min) + " ≤ ")
        + metric
        + (max == null ? "" : " ≤ " + number(max));
  }

  /** Difference and relative change, such as {@code -1,200 (-3.4 %)}. */
  public static String change(@Nullable Double before, @Nullable Double after) {
    if (before == null || after == null) {
      return "";
    }
    double difference = after - before;
    var sign = difference > 0 ? "+" : "";
    return before == 0 || difference == 0
        ? sign + number(difference)
        : String.format(
            Locale.ROOT,
            "%s%s (%+.1f %%)",
            sign,
            number(difference),
            100 * difference / Math.abs(before));
  }

  /** Formats a number for people. */
  public static String number(@Nullable Double value) {
    if (value == null) {
      return "none";
    }
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? String.format(Locale.ROOT, "%,.0f", value)
        : String.format(Locale.ROOT, Math.abs(value) < 1000 ? "%.4g" : "%,.1f", value);
  }

  /** Escapes Markdown's special characters and joins lines. */
  public static String escape(String text) {
    return text.replaceAll("\\R", " ").replaceAll("([\\\\`*_\\[\\]<>|#])", "\\\\$1");
  }

  /** Replaces the characters that XML 1.0 cannot represent. */
  private static String printable(String text) {
    return text.replaceAll(
        "[^\\t\\n\\r\\x20-\\uD7FF\\uE000-\\uFFFD\\x{10000}-\\x{10FFFF}]", "\uFFFD");
  }
}
