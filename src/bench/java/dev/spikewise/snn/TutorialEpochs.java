package dev.spikewise.snn;

import java.util.ArrayList;

/**
 * The tutorial's job as src/bench/peers runs it: prints the median milliseconds of an epoch after a
 * warm-up.
 */
final class TutorialEpochs {

  private static final int WARM_UP = 1000;
  private static final int EPOCHS = 500;

  private TutorialEpochs() {}

  public static void main(String[] args) {
    var times = new ArrayList<Double>();
    try (var engine = Engine.create(Integer.parseInt(args[0]))) {
      new Trainer(Tutorial.job(1, WARM_UP + EPOCHS, 2), Tutorial.model(), null, null, engine)
          .run(metrics -> times.add(metrics.durationMs()));
    }
    System.out.println(
        times.stream().skip(WARM_UP).sorted().skip(EPOCHS / 2).findFirst().orElseThrow());
  }
}
