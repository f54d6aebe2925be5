package dev.spikewise.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.interop.nir.Golden;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.ModelSpec;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WeightsTest {

  private static final ModelSpec SMALL =
      PrintedModel.parse(Golden.text("small.txt"), List.of(2, 8, 4)).model();

  @ParameterizedTest
  @CsvSource({"float32, 0", "float64, 0", "float16, 2e-4", "bfloat16, 2e-3"})
  void readsWhatTheSafetensorsLibraryWrote(String dtype, float tolerance) {
    StateDict npz = Weights.readNpz(Golden.bytes("small.npz"));

    StateDict read = Safetensors.read(Golden.bytes("small-" + dtype + ".safetensors"));

    assertThat(read.tensors()).containsOnlyKeys(npz.tensors().keySet());
    npz.tensors()
        .forEach(
            (name, tensor) -> {
              assertThat(Golden.tensor(read, name).shape()).as(name).isEqualTo(tensor.shape());
              assertThat(Golden.tensor(read, name).data())
                  .as(name)
                  .containsExactly(
                      tensor.data(), org.assertj.core.data.Offset.offset(tolerance * 20));
            });
  }

  @Test
  void takesTheWeightsOutOfASinabsStateDictAndLeavesTheStateOfNeurons() {
    StateDict weights = Weights.of(SMALL, Weights.readNpz(Golden.bytes("small.npz")));

    assertThat(weights.tensors()).containsOnlyKeys("1.weight", "1.bias", "5.weight", "6.tau_mem");
    assertThat(Golden.tensor(weights, "1.weight").shape()).containsExactly(4, 1, 3, 2);
  }

  @Test
  void whatWasWrittenIsReadAgainBitForBit() {
    StateDict weights = Weights.of(SMALL, Weights.readNpz(Golden.bytes("small.npz")));

    for (StateDict again :
        List.of(
            Weights.readNpz(Weights.writeNpz(weights)),
            Safetensors.read(Safetensors.write(weights)))) {
      assertThat(again.tensors().keySet()).containsExactlyElementsOf(weights.tensors().keySet());
      weights
          .tensors()
          .forEach(
              (name, tensor) ->
                  assertThat(Golden.tensor(again, name).data()).isEqualTo(tensor.data()));
    }
  }

  @Test
  void namesEveryArrayThatDoesNotFit() {
    var tensors = new LinkedHashMap<>(Weights.readNpz(Golden.bytes("small.npz")).tensors());
    tensors.remove("1.bias");
    tensors.remove("6.tau_mem");
    tensors.put("5.weight", new Tensor(new int[] {2, 8}, new float[16]));
    tensors.put("9.weight", new Tensor(new int[] {}, new float[1]));
    tensors.put("1.weight", new Tensor(new int[] {4, 1, 3, 2}, nans(24)));
    tensors.put("2.spike_threshold", new Tensor(new int[] {}, new float[] {2}));

    assertThatThrownBy(() -> Weights.of(SMALL, new StateDict(tensors)))
        .isInstanceOfSatisfying(
            InvalidSpecException.class,
            e ->
                assertThat(e.mistakes())
                    .containsExactlyInAnyOrder(
                        new Mistake("/1.bias", "is missing: Conv2d needs it in shape [4]"),
                        new Mistake("/5.weight", "must have shape [3, 8], was [2, 8]"),
                        new Mistake(
                            "/9.weight",
                            "is no weight of this model, which has [1.weight, 6.tau_mem]"),
                        new Mistake("/1.weight", "holds NaN"),
                        new Mistake("/2.spike_threshold", "is not the model's, which is 0.5")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647,4],\"data_offsets\":[0,4]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,400]}}",
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[4,0]}}",
        "{\"w\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}",
        "{\"w\":{\"shape\":\"no\",\"data_offsets\":7}}",
        "{\"w\":1,\"w\":2}",
        "[[[[",
      })
  void refusesASafetensorsHeaderThatPromisesMoreThanTheFileHolds(String header) {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    byte[] file = new byte[json.length + 16];
    file[0] = (byte) json.length;
    System.arraycopy(json, 0, file, 8, json.length);

    if (header.equals("{}")) {
      assertThat(Safetensors.read(file)).isEqualTo(new StateDict(Map.of()));
    } else {
      assertThatThrownBy(() -> Safetensors.read(file)).isInstanceOf(UnreadableFileException.class);
    }
  }

  @Test
  void damagedFilesAreRefusedNeverObeyed() {
    for (String dtype : List.of("float32", "bfloat16")) {
      Golden.mutate(Golden.bytes("small-" + dtype + ".safetensors"), 5_000, 1, Safetensors::read);
    }
    Golden.mutate(Golden.bytes("small.npz"), 5_000, 2, Weights::readNpz);
  }

  private static float[] nans(int n) {
    var nans = new float[n];
    java.util.Arrays.fill(nans, Float.NaN);
    return nans;
  }
}
