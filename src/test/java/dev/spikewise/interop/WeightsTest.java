package dev.spikewise.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import dev.spikewise.interop.nir.Golden;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.snn.Tutorial;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
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
  void writtenWeightsAreReadBitIdentically() {
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
                        new Mistake("/5.weight", "must have shape [3, 8] but was [2, 8]"),
                        new Mistake(
                            "/9.weight",
                            "is not a weight of this model; the nearest name is 1.weight"),
                        new Mistake(
                            "", "the model's arrays are 1.weight, 1.bias, 5.weight, 6.tau_mem"),
                        new Mistake("/1.weight", "holds NaN"),
                        new Mistake(
                            "/2.spike_threshold", "differs from the model's value, which is 0.5")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"module.", "model.", "layers.", "module.spiking_model."})
  void dropsAPrefixThatAllNamesShare(String prefix) {
    StateDict bare = Weights.readNpz(Golden.bytes("small.npz"));
    var prefixed = new LinkedHashMap<String, Tensor>();
    bare.tensors().forEach((name, tensor) -> prefixed.put(prefix + name, tensor));

    assertThat(Weights.of(SMALL, new StateDict(prefixed)).tensors())
        .containsOnlyKeys(Weights.of(SMALL, bare).tensors().keySet())
        .containsEntry("1.weight", Golden.tensor(bare, "1.weight"));

    prefixed.put("other.1.weight", new Tensor(new int[] {}, new float[1]));
    assertThatThrownBy(() -> Weights.of(SMALL, new StateDict(prefixed)))
        .hasMessageContaining("is missing");
  }

  /** A residual block, whose layers are named by their index or as in PyTorch. */
  private static ModelSpec block(boolean named) {
    var json =
        """
        {"input_shape": [2, 4, 4], "layers": [
          {"type": "Conv2d", "out_channels": 3, "kernel_size": 3, "padding": 1, "bias": false, "name": "block1.conv"},
          {"type": "BatchNorm2d", "name": "block1.bn"}, {"type": "LIF", "tau_mem": 5, "name": "block1.spike"},
          {"type": "Conv2d", "out_channels": 2, "kernel_size": 3, "padding": 1, "name": "block2.conv"},
          {"type": "Add", "inputs": ["block2.conv", "input"], "name": "add"},
          {"type": "Flatten", "name": "flat"}, {"type": "Linear", "out_features": 3, "name": "head.fc"}, {"type": "IAF", "name": "out"}]}
        """;
    String bare =
        named ? json : json.replaceAll(", \"name\": \"[\\w.]+\"", "").replace("block2.conv", "3");
    return Tutorial.JSON.readValue(bare, ModelSpec.class);
  }

  private static StateDict drawn(ModelSpec model) {
    var random = new Random(5);
    var tensors = new LinkedHashMap<String, Tensor>();
    for (var layer : model.graph().layers()) {
      var arrays = layer.spec().parameters(layer.inputShape());
      arrays.putAll(layer.spec().buffers(layer.inputShape()));
      arrays.forEach(
          (name, shape) -> {
            var data = new float[shape.size()];
            for (int i = 0; i < data.length; i++) {
              data[i] = random.nextFloat();
            }
            tensors.put(
                layer.name() + "." + name,
                new Tensor(shape.dims().stream().mapToInt(d -> d).toArray(), data));
          });
    }
    return new StateDict(tensors);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void nestedNamesAndIndicesAreTheSameLayersWhereOnlyOneFits(boolean toIndices) {
    ModelSpec from = block(toIndices);
    ModelSpec to = block(!toIndices);
    var tensors = new LinkedHashMap<>(drawn(from).tensors());
    List<float[]> expected = tensors.values().stream().map(Tensor::data).toList();
    // A state_dict of sinabs holds the state of neurons, and safetensors sorts its names.
    tensors.put(from.graph().name(2) + ".v_mem", new Tensor(new int[] {3, 4, 4}, new float[48]));
    StateDict sorted = new StateDict(new LinkedHashMap<>(new TreeMap<>(tensors)));

    List<Tensor> taken = List.copyOf(Weights.of(to, sorted).tensors().values());
    assertThat(taken).hasSameSizeAs(expected);
    for (int i = 0; i < taken.size(); i++) {
      assertThat(taken.get(i).data()).containsExactly(expected.get(i));
    }
    assertThat(Weights.of(to, sorted).tensors().keySet())
        .isEqualTo(Weights.of(to, drawn(to)).tensors().keySet());
  }

  @Test
  void layersThatAreAlikeAreNotGuessed() {
    var linear = new SynapticSpec.Linear(3, 3, false);
    ModelSpec model = ModelSpec.sequence(null, List.of(3), List.of(linear, linear, linear));
    var tensors = new LinkedHashMap<String, Tensor>();
    for (String name : List.of("stem.fc", "block.fc1", "block.fc2")) {
      var data = new float[9];
      Arrays.fill(data, tensors.size());
      tensors.put(name + ".weight", new Tensor(new int[] {3, 3}, data));
    }
    StateDict nested = new StateDict(tensors);

    assertThatThrownBy(() -> Weights.of(model, nested))
        .hasMessageContaining(
            "/stem.fc could be any of the layers 0, 1, 2, as could block.fc1, block.fc2")
        .hasMessageContaining("by_order=true");
    assertThat(Weights.of(model, nested, true).tensors())
        .containsExactly(
            entry("0.weight", Golden.tensor(nested, "stem.fc.weight")),
            entry("1.weight", Golden.tensor(nested, "block.fc1.weight")),
            entry("2.weight", Golden.tensor(nested, "block.fc2.weight")));

    tensors.put("block.fc3.weight", new Tensor(new int[] {3, 2}, new float[6]));
    assertThatThrownBy(() -> Weights.of(model, new StateDict(tensors), true))
        .hasMessageContaining("/0.weight is missing")
        .hasMessageContaining("(and");
  }

  private static final ModelSpec LIF = lif(Constant.of(20));

  private static StateDict read(String file) {
    return Weights.readNpz(Golden.bytes(file));
  }

  private static ModelSpec lif(Constant tauMem) {
    return ModelSpec.sequence(
        "lif",
        List.of(6),
        List.of(
            new SynapticSpec.Linear(6, 4, true),
            new NeuronSpec.LIF(tauMem, null, false, false, null, null, null, null, null, null)));
  }

  @Test
  void refusesConstantsThatAreNotTheModels() {
    assertMistake("w_min_v_mem.npz", "/1.min_v_mem", "is not in the model");
    assertMistake("w_tau_per_neuron.npz", "/1.tau_mem", "give the layer a list of 4 numbers");
    assertThat(
            Golden.tensor(
                    Weights.of(lif(Constant.of(List.of(1, 2, 3, 4))), read("w_tau_per_neuron.npz")),
                    "1.tau_mem")
                .data())
        .containsExactly(2, 5, 20, 100);

    var tensors = new LinkedHashMap<>(Weights.readNpz(Golden.bytes("w_min_v_mem.npz")).tensors());
    tensors.remove("1.min_v_mem");
    tensors.put("1.tau_mem", new Tensor(new int[] {4}, new float[] {5, 5, 5, 5}));
    Tensor same = Golden.tensor(Weights.of(LIF, new StateDict(tensors)), "1.tau_mem");
    assertThat(same.shape()).isEmpty();
    assertThat(same.data()).containsExactly(5);
    for (float wrong : new float[] {0, -3}) {
      tensors.put("1.tau_mem", new Tensor(new int[] {}, new float[] {wrong}));
      assertThatThrownBy(() -> Weights.of(LIF, new StateDict(tensors)))
          .hasMessageContaining("/1.tau_mem must be above 0 but was " + wrong);
    }
    tensors.put("1.tau_mem", new Tensor(new int[] {0}, new float[0]));
    assertThatThrownBy(() -> Weights.of(LIF, new StateDict(tensors)))
        .hasMessageContaining("must have shape [], as LIF defines it, but was [0]");
  }

  private static void assertMistake(String file, String pointer, String detail) {
    assertThatThrownBy(() -> Weights.of(LIF, Weights.readNpz(Golden.bytes(file))))
        .isInstanceOfSatisfying(
            InvalidSpecException.class,
            e ->
                assertThat(e.mistakes())
                    .singleElement()
                    .satisfies(
                        mistake -> {
                          assertThat(mistake.pointer()).isEqualTo(pointer);
                          assertThat(mistake.detail()).contains(detail);
                        }));
  }

  @Test
  void leavesTheStateOfAdaptiveNeuronsThatHaveRun() {
    var model =
        ModelSpec.sequence(
            "alif",
            List.of(4),
            List.of(
                new NeuronSpec.ALIF(
                    Constant.of(20),
                    Constant.of(10),
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    -1.0,
                    null),
                new NeuronSpec.ExpLeak(Constant.of(9), null, null, null, null)));
    var tensors = new LinkedHashMap<String, Tensor>();
    for (String state : List.of("v_mem", "b", "spike_threshold")) {
      tensors.put("0." + state, new Tensor(new int[] {2, 4}, new float[] {1, 2, 3, 4, 5, 6, 7, 8}));
    }
    tensors.put("0.min_v_mem", new Tensor(new int[] {}, new float[] {-1}));
    tensors.put("0.tau_mem", new Tensor(new int[] {}, new float[] {7}));
    tensors.put("1.v_mem", new Tensor(new int[] {0}, new float[0]));

    assertThat(Weights.of(model, new StateDict(tensors)).tensors())
        .containsOnlyKeys("0.tau_mem", "0.tau_adapt", "1.tau_mem");
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
