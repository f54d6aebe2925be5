package dev.spikewise.model;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.Effort;
import dev.spikewise.spec.ModelSpec;
import java.util.Locale;
import org.springframework.stereotype.Component;

/** Estimates the duration of a forward pass on this machine before a request starts it. */
@Component
public class Workload {

  private final Compute compute;
  private volatile double perSecond;

  Workload(Compute compute) {
    this.compute = compute;
  }

  /**
   * Estimated duration of a forward pass over {@code samples} samples on one thread, in seconds.
   */
  public double seconds(ModelSpec model, long samples, long timeSteps) {
    return Effort.of(model, samples, timeSteps) / perSecond();
  }

  /**
   * Reports a forward pass that is too long for a request.
   *
   * @param name of the field with the number of samples
   */
  public void check(ModelSpec model, long samples, long timeSteps, Mistakes mistakes, String name) {
    double seconds = seconds(model, samples, timeSteps);
    if (seconds > compute.maxWorkSeconds()) {
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
                  Math.ceil(seconds),
                  compute.maxWorkSeconds()));
    }
  }

  private double perSecond() {
    // Not synchronised, because threads that wait for a lock would escape the limits of the pool.
    // Several threads may measure at the same time.
    if (perSecond == 0) {
      double measured = compute.run(_ -> Effort.measurePerSecond());
      perSecond = Math.max(perSecond, measured);
    }
    return perSecond;
  }
}
