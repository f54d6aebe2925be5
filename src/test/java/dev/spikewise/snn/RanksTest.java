package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.problem.Mistakes;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.snn.world.World;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A training that several processes share gives the bits of one process. */
class RanksTest {

  private static final Dataset DIGITS = Dataset.digits();

  private static final String NORMALISED =
      "{'type': 'BatchNorm2d'}, {'type': 'LIF', 'tau_mem': 6, 'spike_threshold': 0.5}, {'type':"
          + " 'Dropout', 'p': 0.2}, {'type': 'Conv2d', 'out_channels': 8, 'kernel_size': 3},"
          + " {'type': 'BatchNorm2d'}, {'type': 'IAF'} | {'type': 'cross_entropy'}, {'type':"
          + " 'synops', 'target': {'baseline_multiple': 0.9}, 'mode': 'limit'}, {'type':"
          + " 'weight_norm', 'weight': 1e-4}";

  private static final String FRAMES =
      "{'type': 'LayerNorm', 'normalized_shape': [8, 8]}, {'type': 'LIF', 'tau_mem': 6,"
          + " 'spike_threshold': 0.5}, {'type': 'Conv2d', 'out_channels': 64, 'kernel_size': 3},"
          + " {'type': 'GroupNorm', 'num_groups': 4}, {'type': 'IAF'} | {'type': 'cross_entropy'}";

  static final List<String> jobs =
      Stream.concat(Arrays.stream(ActivationCheckpointingTest.jobs), Stream.of(NORMALISED, FRAMES))
          .toList();

  /** What a rank ends with. */
  private record End(
      byte[] checkpoint,
      List<EpochMetrics> epochs,
      Statistics baseline,
      @Nullable Statistics latest,
      @Nullable Predictions predictions) {}

  @ParameterizedTest
  @FieldSource("jobs")
  void anyNumberOfRanksGivesTheBitsOfOneProcess(String job) {
    for (int batch : new int[] {19, 5}) {
      TrainingSpec spec = spec(job, batch, "");
      End alone = train(spec, World.ALONE, 2);
      assertThat(alone.epochs).hasSize(2);
      for (int ranks : batch == 5 ? new int[] {8} : new int[] {2, 3}) {
        assertSame(WorldOfThreads.run(ranks, world -> train(spec, world, 1)), alone);
      }
    }
  }

  @Test
  void quantisationRestoredWeightsAndClippedGradientsAreShared() {
    TrainingSpec spec =
        spec(
            jobs.getFirst(),
            30,
            ", 'clip_grad_norm': 0.1, 'quantize': {'bits': 4, 'training': true, 'start_epoch': 1},"
                + " 'prune': {'sparsity': 0.5, 'scope': 'model'}, 'activation_checkpointing': true,"
                + " 'restore_best': {'monitor': 'test_accuracy'}, 'early_stopping': {'patience':"
                + " 1}");
    End alone = train(spec, World.ALONE, 2);
    assertSame(WorldOfThreads.run(3, world -> train(spec, world, 1)), alone);
  }

  @Test
  void ranksRemoveTheSameChannels() {
    TrainingSpec spec = spec(jobs.getFirst(), 30, ", 'prune_channels': {'fraction': 0.5}");
    End alone = train(spec, World.ALONE, 2);
    assertSame(WorldOfThreads.run(3, world -> train(spec, world, 1)), alone);
  }

  @Test
  void ranksLearnFromTheSameTeacher() {
    var spec = DistillationTest.digits(2, "");
    var teacher = DistillationTest.teacher(3);
    End alone = train(spec, teacher, World.ALONE, 2);
    assertSame(WorldOfThreads.run(3, world -> train(spec, teacher, world, 1)), alone);
  }

  /** Of 40 samples on three ranks: chunks 0 to 4, 5 to 9 and 10 to 15 of 16. */
  @Test
  void ranksComputeTheirOwnSamplesOnly() {
    TrainingSpec spec = spec(jobs.getFirst(), 40, "");
    var sizes =
        WorldOfThreads.run(
            3,
            world -> {
              try (var engine = Engine.create(1).in(world)) {
                return engine.ranks().share(40).size();
              }
            });
    assertThat(sizes).containsExactly(12, 13, 15);
    assertThat(WorldOfThreads.run(3, world -> train(spec, world, 1).epochs.size()))
        .as("epochs that a listener sees")
        .containsExactly(2, 0, 0);
  }

  /** The load of the network that RanksPageTest computes with. */
  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void ranksSendTheirGradientsAboutTwicePerBatch(int ranks) {
    var spec =
        Tutorial.JSON.readValue(
            """
            {"model": {"input_shape": [1, 8, 8], "layers": [{"type": "Flatten"},
              {"type": "Linear", "out_features": 1500}, {"type": "IAF"}, {"type": "Linear", "out_features": 10},
              {"type": "IAF"}]},
             "input": {"type": "dataset", "id": "digits", "limit": 64, "encoding": "rate"}, "batch_size": 16,
             "time_steps": 2, "epochs": 3, "loss": [{"type": "cross_entropy"}]}
            """,
            TrainingSpec.class);
    long parameters = 64 * 1500 + 1500 + 1500 * 10 + 10;
    int batches = 3 * 4;
    for (var sharing :
        WorldOfThreads.run(
            ranks,
            world -> {
              try (var engine = Engine.create(1).in(world)) {
                new Trainer(spec, spec.model().definition(), null, DIGITS, engine).run(_ -> {});
                return engine.sharing();
              }
            })) {
      // Spike counts of each neuron and statistics are the rest.
      assertThat(sharing.sentBytes() / (batches * RanksPageTest.sentBytes(parameters, ranks)))
          .isBetween(1.0, 1.2);
      assertThat(sharing.waitSeconds()).isPositive().isLessThan(sharing.exchangeSeconds());
    }
  }

  @Test
  void ranksStopWhereTheFirstOneStops() {
    TrainingSpec spec = spec(jobs.getFirst(), 30, "");
    var outcomes =
        WorldOfThreads.run(
            2,
            world -> {
              try (var engine = Engine.create(1).in(world)) {
                var trainer = new Trainer(spec, spec.model().definition(), null, DIGITS, engine);
                var batches = new int[1];
                return trainer.run(
                    new TrainingListener() {
                      @Override
                      public void onEpoch(EpochMetrics metrics) {
                        throw new AssertionError("the first epoch must not end");
                      }

                      @Override
                      public boolean keepGoing() {
                        return ++batches[0] < 3;
                      }
                    });
              }
            });
    assertThat(outcomes).containsOnly(Trainer.Outcome.STOPPED);
  }

  @Test
  void ranksStopWhereTheListenerOfTheFirstOneFails() {
    TrainingSpec spec = spec(jobs.getFirst(), 30, "");
    var ends =
        WorldOfThreads.run(
            2,
            world -> {
              try (var engine = Engine.create(1).in(world)) {
                var trainer = new Trainer(spec, spec.model().definition(), null, DIGITS, engine);
                return trainer
                    .run(
                        _ -> {
                          throw new IllegalArgumentException("taken");
                        })
                    .toString();
              } catch (IllegalArgumentException e) {
                return e.getMessage();
              }
            });
    assertThat(ends).containsExactly("taken", "STOPPED");
  }

  @Test
  void ranksThatComputeOtherBitsEndTheTraining() {
    TrainingSpec spec = spec(jobs.getFirst(), 30, "");
    assertThatThrownBy(
            () ->
                WorldOfThreads.run(
                    2,
                    world -> {
                      var other =
                          world.rank() == 0 ? spec : spec(jobs.getFirst(), 30, ", 'seed': 4");
                      return train(other, world, 1);
                    }))
        .rootCause()
        .hasMessageContaining(
            "after epoch 0 the weights of rank 1 differ from those of rank 0: all ranks must run"
                + " the same version");
  }

  private static void assertSame(List<End> ends, End expected) {
    assertThat(ends.getFirst().epochs)
        .usingRecursiveFieldByFieldElementComparatorIgnoringFields("durationMs")
        .isEqualTo(expected.epochs);
    for (End end : ends) {
      assertThat(end.checkpoint).isEqualTo(expected.checkpoint);
      assertThat(end.baseline).isEqualTo(expected.baseline);
      assertThat(end.latest).isNotNull().isEqualTo(expected.latest);
      assertThat(end.predictions).usingRecursiveComparison().isEqualTo(expected.predictions);
    }
  }

  private static End train(TrainingSpec spec, World world, int threads) {
    return train(spec, null, world, threads);
  }

  private static End train(
      TrainingSpec spec, @Nullable TrainedModel teacher, World world, int threads) {
    try (var engine = Engine.create(threads).in(world)) {
      var trainer =
          new Trainer(spec, spec.model().definition(), null, DIGITS, null, teacher, engine);
      var epochs = new ArrayList<EpochMetrics>();
      trainer.run(epochs::add);
      @Nullable Analysis latest = trainer.latest();
      return new End(
          trainer.checkpoint().toBytes(),
          epochs,
          trainer.baseline(),
          latest == null ? null : latest.statistics(),
          latest == null ? null : latest.predictions());
    }
  }

  private static TrainingSpec spec(String job, int batch, String more) {
    var parts = job.split(" \\| ");
    var text =
        """
        {'model': {'input_shape': [1, 8, 8], 'layers': [
          {'type': 'Conv2d', 'out_channels': 64, 'kernel_size': 3, 'padding': 1}, %s, {'type': 'Flatten'},
          {'type': 'Linear', 'out_features': 10}, {'type': '%s', 'tau_mem': 5}]},
         'input': {'type': 'dataset', 'id': 'digits', 'test_fraction': 0.1, 'encoding': 'rate', 'limit': %d},
         'loss': [%s], 'batch_size': %d, 'time_steps': 4, 'epochs': 2%s%s}
        """
            .formatted(
                parts[0],
                job.contains("max_membrane") ? "ExpLeak" : "LIF",
                3 * batch + 3,
                parts[1],
                batch,
                more.contains("seed") ? "" : ", 'seed': 3",
                more)
            .replace('\'', '"');
    var spec = Tutorial.JSON.readValue(text, TrainingSpec.class);
    var mistakes = new Mistakes();
    spec.check(mistakes);
    Trainer.check(spec, spec.model().definition(), null, DIGITS, mistakes);
    mistakes.throwIfAny();
    return spec;
  }
}
