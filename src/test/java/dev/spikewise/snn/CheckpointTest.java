package dev.spikewise.snn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What was stored once stays readable: the file is a checkpoint that the first version with this
 * format wrote, and is never written again. A later format gets a file of its own beside it.
 */
class CheckpointTest {

  private static final Path VERSION_2 = Path.of("src/test/resources/checkpoint/version-2.bin");

  private static final TrainingSpec SPEC =
      Tutorial.JSON.readValue(
          """
          {"model": {"input_shape": [1, 8, 8], "layers": [
             {"type": "Conv2d", "out_channels": 2, "kernel_size": 3}, {"type": "IAF"},
             {"type": "BatchNorm2d", "num_features": 2}, {"type": "Flatten"},
             {"type": "Linear", "out_features": 10}, {"type": "LIF", "tau_mem": 20.0}]},
           "input": {"type": "dataset", "id": "digits", "limit": 64}, "batch_size": 32, "time_steps": 4, "epochs": 5,
           "seed": 1, "loss": [{"type": "cross_entropy"}], "early_stopping": {"patience": 4}}
          """,
          TrainingSpec.class);

  @Test
  void resumesFromCheckpointOfVersion2() throws IOException {
    if (Files.notExists(VERSION_2)) {
      Files.createDirectories(VERSION_2.getParent());
      Files.write(VERSION_2, trained(null, 3).toBytes());
      throw new AssertionError(VERSION_2 + " was missing and is written");
    }
    var stored = Files.readAllBytes(VERSION_2);
    var checkpoint = Checkpoint.fromBytes(stored);
    assertThat(checkpoint.epoch()).isEqualTo(3);
    assertThat(checkpoint.toBytes()).isEqualTo(stored);
    assertThat(checkpoint.weights().tensors().keySet())
        .contains("0.weight", "0.bias", "2.running_mean", "2.running_var", "4.weight", "5.tau_mem");
    var end = trained(checkpoint, 5);
    assertThat(end.epoch()).isEqualTo(5);
    assertThat(trained(checkpoint, 5).toBytes()).isEqualTo(end.toBytes());
    assertThat(end.weights()).isNotEqualTo(checkpoint.weights());
  }

  private static Checkpoint trained(Checkpoint from, int epochs) {
    var model = SPEC.model().definition();
    try (var engine = Engine.create(1)) {
      var trainer = new Trainer(SPEC, model, null, Dataset.digits(), engine);
      if (from != null) {
        trainer.restore(from);
      }
      trainer.run(
          new TrainingListener() {
            @Override
            public void onEpoch(dev.spikewise.spec.EpochMetrics metrics) {}

            @Override
            public boolean keepGoing() {
              return trainer.epoch() < epochs;
            }
          });
      return trainer.checkpoint();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, not a Spikewise checkpoint",
    "7, a checkpoint of version",
    "20, a damaged checkpoint: its checksum does not match",
    "-1, a damaged checkpoint: its checksum does not match"
  })
  void rejectsCheckpointWithChangedByte(int place, String reason) throws IOException {
    var bytes = Files.readAllBytes(VERSION_2);
    bytes[place < 0 ? bytes.length + place : place] ^= 0x40;
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Checkpoint.fromBytes(bytes))
        .withMessageStartingWith(reason);
  }

  @ParameterizedTest
  @CsvSource({"0", "3", "8", "11", "12", "100", "-1"})
  void rejectsTruncatedCheckpoint(int length) throws IOException {
    var bytes = Files.readAllBytes(VERSION_2);
    var cut = Arrays.copyOf(bytes, length < 0 ? bytes.length + length : length);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Checkpoint.fromBytes(cut))
        .withMessageStartingWith("a damaged checkpoint");
  }
}
