package dev.spikewise.snn;

import dev.spikewise.mpi.MpiWorld;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.world.World;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.TrainingSpec;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** One process of a world: trains each job and writes what it ends with to a file of its own. */
final class MpiProgram {

  private MpiProgram() {}

  /**
   * @param args threads, folder of the results, files of the jobs
   */
  public static void main(String[] args) throws Exception {
    if (args[0].equals("stall")) {
      stall();
      return;
    }
    var world = MpiWorld.join(null, Duration.ofMinutes(10)).orElseThrow();
    var folder = Path.of(args[1]);
    for (int i = 2; i < args.length; i++) {
      var job = Path.of(args[i]);
      var result = train(Files.readString(job), world, Integer.parseInt(args[0]));
      Files.writeString(
          folder.resolve(job.getFileName() + "-" + world.rank()),
          result.bits() + " " + result.samples());
    }
    // What the engine counts is what passes through MPI.
    Files.writeString(
        folder.resolve("exchanges-" + world.rank()),
        "%d %d".formatted(world.sentBytes(), world.waitedNanos()));
    world.finish();
  }

  /** Process 0 waits for a process that does not answer. */
  private static void stall() throws InterruptedException {
    var world = MpiWorld.join(null, Duration.ofSeconds(1)).orElseThrow();
    if (world.rank() > 0) {
      Thread.sleep(Duration.ofMinutes(5));
    }
    try (var arena = Arena.ofConfined()) {
      world.exchange(List.of(), List.of(new World.Part(1, arena.allocate(8))));
    }
  }

  /**
   * @param bits hash of checkpoint, baseline and, in process 0, metrics of all epochs
   * @param samples that the process sent through the network
   */
  record Result(String bits, long samples) {}

  static Result train(String job, World world, int threads) throws Exception {
    var spec = Tutorial.JSON.readValue(job, TrainingSpec.class);
    try (var engine = Engine.create(threads).in(world)) {
      var trainer = new Trainer(spec, spec.model().definition(), null, Dataset.digits(), engine);
      var epochs = new ArrayList<EpochMetrics>();
      trainer.run(epochs::add);
      var hash = MessageDigest.getInstance("SHA-256");
      hash.update(trainer.checkpoint().toBytes());
      hash.update(
          Tutorial.JSON.writeValueAsString(trainer.baseline()).getBytes(StandardCharsets.UTF_8));
      var text = new StringBuilder(HexFormat.of().formatHex(hash.digest()));
      for (EpochMetrics epoch : epochs) {
        text.append(' ').append(epoch.loss()).append(' ').append(epoch.synops());
      }
      return new Result(text.toString(), engine.sharing().samples());
    }
  }
}
