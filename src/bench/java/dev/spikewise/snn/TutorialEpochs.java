package dev.spikewise.snn;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;

/**
 * The tutorial's job as src/bench/peers runs it: prints what an epoch allocates after a warm-up,
 * and its median milliseconds.
 */
final class TutorialEpochs {

  private static final int WARM_UP = 1000;
  private static final int EPOCHS = 500;

  private TutorialEpochs() {}

  public static void main(String[] args) {
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    var times = new ArrayList<Double>();
    var allocated = new long[2];
    try (var engine = Engine.create(Integer.parseInt(args[0]))) {
      new Trainer(Tutorial.job(1, WARM_UP + EPOCHS, 2), Tutorial.model(), null, null, engine)
          .run(
              metrics -> {
                times.add(metrics.durationMs());
                allocated[times.size() > WARM_UP ? 1 : 0] = threads.getTotalThreadAllocatedBytes();
              });
    }
    System.out.printf("%d bytes an epoch%n", (allocated[1] - allocated[0]) / EPOCHS);
    System.out.println(
        times.stream().skip(WARM_UP).sorted().skip(EPOCHS / 2).findFirst().orElseThrow());
  }
}
