package dev.spikewise.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * How the time of a training step of one workload grows with threads, batch, time steps, density of
 * the input and width: a Markdown table with one size changed at a time.
 */
public final class Scaling {

  private static final double WARM_UP_SECONDS = 2;
  private static final int ROUNDS = 3;

  private static final List<String> DENSITIES = List.of("1", "0.5", "0.2", "0.1", "0.05", "0.02");

  private final JsonNode row;
  private double base;

  private Scaling(JsonNode row) {
    this.row = row;
  }

  public static void main(String[] args) {
    System.out.println(
        "| workload | changed | ms per batch | CPU ms | CPU, relative | firing rate |");
    System.out.println("|---|---|---:|---:|---:|---:|");
    for (String name : args) {
      new Scaling(Workloads.row(name)).print(name);
    }
  }

  private void print(String name) {
    int batch = row.get("batch_size").asInt();
    int steps = row.get("time_steps").asInt();
    // The first measurement also warms the JIT up for all others.
    measure(Map.of());
    base = 0;
    line(name, "nothing, 1 thread", Map.of());
    line(name, "2 threads", Map.of("--threads", "2"));
    line(name, "batch x 1/2", Map.of("--batch", Integer.toString(batch / 2)));
    line(name, "batch x 2", Map.of("--batch", Integer.toString(2 * batch)));
    line(name, "T x 1/2", Map.of("--steps", Integer.toString(steps / 2)));
    line(name, "T x 2", Map.of("--steps", Integer.toString(2 * steps)));
    line(name, "width x 1/2", Map.of("--width", "0.5"));
    line(name, "width x 2", Map.of("--width", "2"));
    for (String density : DENSITIES) {
      line(name, "input density " + density, Map.of("--density", density));
    }
  }

  private record Result(Workloads.Round round, double firingRate) {}

  private Result measure(Map<String, String> changed) {
    var options = new LinkedHashMap<>(Map.of("--threads", "1"));
    options.putAll(changed);
    var workload = new Workloads(row, options);
    try {
      return new Result(workload.best(WARM_UP_SECONDS, ROUNDS), workload.firingRate());
    } finally {
      workload.close();
    }
  }

  private void line(String name, String what, Map<String, String> changed) {
    Result result = measure(changed);
    double cpu = result.round().cpuMs();
    base = base == 0 ? cpu : base;
    System.out.printf(
        Locale.ROOT,
        "| %s | %s | %.1f | %.1f | %.2f | %.3f |%n",
        name,
        what,
        result.round().ms(),
        cpu,
        cpu / base,
        result.firingRate());
  }
}
