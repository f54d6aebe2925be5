package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.WrittenPage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** A model of the time per batch on several machines, and the page that shows it. */
class RanksPageTest {

  /**
   * Time to copy and add a byte of gradients and to pass it through memory: 5 MB took 1.9 to 2.4 ms
   * between two processes of one machine.
   */
  private static final double SECONDS_PER_BYTE = 2.15e-3 / 5e6;

  /** Time of the small exchanges of a batch, which do not depend on the network's size. */
  private static final double LATENCY = 1e-4;

  private static final double[] GBITS = {10, 25, 100};

  /** Bytes that a rank sends per batch: its gradients to be added, and its share of the sums. */
  static double sentBytes(double parameters, int ranks) {
    return 2 * 4 * parameters * (ranks - 1) / ranks;
  }

  /** Seconds per batch that ranks on different machines spend on sums. */
  private static double exchange(double parameters, int ranks, double gbits) {
    return LATENCY
        + sentBytes(parameters, ranks) * 8 / (gbits * 1e9)
        + 4 * parameters * SECONDS_PER_BYTE;
  }

  /** How many times faster than one machine, if that takes {@code alone} seconds per batch. */
  private static double speedup(double alone, double parameters, int ranks, double gbits) {
    return alone / (alone / ranks + exchange(parameters, ranks, gbits));
  }

  /** Seconds per batch of one machine above which each of several is used to 80 %. */
  private static double worthwhile(double parameters, int ranks, double gbits) {
    return 4 * ranks * exchange(parameters, ranks, gbits);
  }

  @Test
  void timeThatIsWorthwhileUsesMachinesTo80Percent() {
    for (int ranks : new int[] {2, 16}) {
      double alone = worthwhile(1e6, ranks, 25);
      assertThat(speedup(alone, 1e6, ranks, 25)).isBetween(0.7999 * ranks, 0.8001 * ranks);
    }
  }

  @Test
  void pageShowsTheModel() throws IOException {
    WrittenPage.assertUpToDate(Path.of("src/docs/operations/ranks.md"), page());
    WrittenPage.assertUpToDate(Path.of("src/docs/images/ranks.svg"), plot());
  }

  private static String page() {
    var page =
        new StringBuilder(
            """
            # When several machines pay

            A model of the time per batch; `RanksPageTest` writes this page. With N ranks on N machines, a batch takes

            ```text
            C / N  +  0.1 ms  +  8 P (N - 1) / N bytes / bandwidth  +  4 P bytes * 0.43 ns
            ```

            where C is the time that one machine needs for the batch and P is the number of parameters. The terms are the computation, the
            small exchanges (losses, synops, statistics), the transfer of the gradients, and copying and adding them. The number of
            bytes is tested (`RanksTest`). The time to copy and add was measured with two processes on one machine
            (5 MB in 1.9 to 2.4 ms, including the transfer through shared memory). The 0.1 ms are an assumption.

            One machine must need at least this long per batch for each of N machines to compute during 80 % of the time:

            | parameters | machines | 10 Gbit/s | 25 Gbit/s | 100 Gbit/s |
            |---|---|---|---|---|
            """);
    for (double parameters : new double[] {1e5, 1e6, 1e7, 1e8}) {
      for (int ranks : new int[] {2, 4, 8, 16}) {
        page.append(String.format(Locale.ROOT, "| %,.0f | %d |", parameters, ranks));
        for (double gbits : GBITS) {
          page.append(" ").append(time(worthwhile(parameters, ranks, gbits))).append(" |");
        }
        page.append("\n");
      }
    }
    page.append(
        """

        ![Speed-up over the number of machines](../images/ranks.svg)

        *Speed-up with 1,000,000 parameters at 25 Gbit/s, for 3, 10, 30 and 100 ms per batch on one machine.*

        Example: the MLP 784-1024-1024-10 has 1.9 million parameters and takes about 130 ms per batch of 128 on two cores
        ([benchmarks](../benchmarks.md)); by the model, four such machines with 25 Gbit/s are %.1f times as fast. If one machine with many cores
        needs 13 ms, four of these are %.1f times as fast: use a larger batch, or replicas.

        What the model leaves out: ranks wait for the slowest one in each batch; a batch is split into at most 16 parts, of which each rank
        computes whole ones, so that 3 ranks compute 5, 5 and 6 parts; and activations that no longer leave a processor's cache can make
        a rank slower or faster than its share. Nothing here was measured over a network or on more than two cores. Measure on
        your cluster: `rate(spikewise_ranks_wait_seconds_total[5m])` is the share of time that rank 0 spends on transfers and waiting.
        """
            .formatted(speedup(0.130, 1.86e6, 4, 25), speedup(0.013, 1.86e6, 4, 25)));
    return page.toString();
  }

  private static String time(double seconds) {
    return seconds < 1
        ? String.format(Locale.ROOT, "%.0f ms", seconds * 1e3)
        : String.format(Locale.ROOT, "%.1f s", seconds);
  }

  private static String plot() {
    var svg =
        new StringBuilder(
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 420 330" font-family="sans-serif" font-size="12">
            <rect width="420" height="330" fill="white"/>
            <path d="M40 20V290H360" fill="none" stroke="#666"/>
            <text x="200" y="322" text-anchor="middle">machines</text>
            <text x="8" y="14">speed-up</text>
            """);
    for (int n : new int[] {1, 2, 4, 8, 12, 16}) {
      svg.append(line("<text x=\"%.1f\" y=\"306\" text-anchor=\"middle\">%d</text>", x(n), n));
      svg.append(line("<text x=\"34\" y=\"%.1f\" text-anchor=\"end\">%d</text>", y(n) + 4, n));
    }
    var colours = new String[] {"#888", "#b35900", "#00698c", "#3b7d23"};
    var times = new int[] {3, 10, 30, 100};
    svg.append(
        line(
            "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"#bbb\" stroke-dasharray=\"4\"/>",
            x(1), y(1), x(16), y(16)));
    for (int i = 0; i < times.length; i++) {
      var path = new StringBuilder();
      for (int n = 1; n <= 16; n++) {
        double speed = n == 1 ? 1 : speedup(times[i] / 1e3, 1e6, n, 25);
        path.append(String.format(Locale.ROOT, "%s%.1f %.1f", n == 1 ? "M" : "L", x(n), y(speed)));
      }
      svg.append(
          line(
              "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>", path, colours[i]));
      svg.append(
          line(
              "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%d ms</text>",
              x(16) + 6, y(speedup(times[i] / 1e3, 1e6, 16, 25)) + 4, colours[i], times[i]));
    }
    return svg.append("</svg>\n").toString();
  }

  private static double x(double machines) {
    return 40 + (machines - 1) * 20;
  }

  private static double y(double speedup) {
    return 290 - (speedup - 1) * 18;
  }

  private static String line(String format, Object... values) {
    return String.format(Locale.ROOT, format, values) + "\n";
  }
}
