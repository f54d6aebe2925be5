package dev.spikewise.model;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Effort;
import dev.spikewise.spec.ModelSpec;
import java.util.Locale;
import org.springframework.stereotype.Component;

/** Estimates how long a forward pass takes on this machine, before a request begins it. */
@Component
public class Workload {

  private final Compute compute;
  private double perSecond;

  Workload(Compute compute) {
    this.compute = compute;
  }

  /** Seconds of a forward pass over {@code samples} samples on one thread. */
  public double seconds(ModelSpec model, long samples, long timeSteps) {
    return Effort.of(model, samples, timeSteps) / perSecond();
  }

  /** Whether a request may wait for such a pass. */
  public boolean fits(ModelSpec model, long samples, long timeSteps) {
    return seconds(model, samples, timeSteps) <= compute.maxWorkSeconds();
  }

  /**
   * Reports a pass that a request may not wait for.
   *
   * @param name of the field that says how many samples there are
   */
  public void check(ModelSpec model, long samples, long timeSteps, Mistakes mistakes, String name) {
    if (!fits(model, samples, timeSteps)) {
      mistakes
          .in(name)
          .add(
              String.format(
                  Locale.ROOT,
                  "is too large: %d samples x %d time_steps of this model are estimated to take"
                      + " %.0f s on this machine but may take %.0f s (spikewise.compute.max-work):"
                      + " use fewer samples or time_steps.",
                  samples,
                  timeSteps,
                  Math.ceil(seconds(model, samples, timeSteps)),
                  compute.maxWorkSeconds()));
    }
  }

  private synchronized double perSecond() {
    if (perSecond == 0) {
      perSecond = compute.run(_ -> Effort.measurePerSecond());
    }
    return perSecond;
  }
}
