package dev.spikewise.interop.nir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.interop.Weights;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.Analyzer;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.Graph;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Node;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import dev.spikewise.spec.layer.JoinSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.ShapeSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import io.jhdf.HdfFile;
import io.jhdf.api.DatasetCreationOptions;
import io.jhdf.api.WritableGroup;
import io.jhdf.filter.DeflatePipelineFilter;
import io.jhdf.filter.Filter;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * {@code peer-*.nir} were written by the peers, {@code ours-*.nir} here; the {@code *.npz} beside
 * them hold the spikes of the last layer that the peers counted over 10 steps of ones.
 * src/test/python/nir_peers.py made all but ours.
 */
class NirTest {

  private static final int STEPS = 10;

  @ParameterizedTest
  @EnumSource(NirDialect.class)
  void writtenFileIsReadAsSameNetwork(NirDialect dialect) throws IOException {
    ModelSpec model = model(dialect);
    StateDict weights = weights(model);

    byte[] file = NirWriter.write(model, weights, dialect);

    keep("ours-" + dialect.name().toLowerCase(), file);
    assertReadAgain(model, weights, file);
  }

  /** For src/test/python/nir_peers.py. */
  private static void keep(String name, byte[] file) throws IOException {
    Path copy = Path.of("target", "interop", name + ".nir");
    Files.createDirectories(copy.getParent());
    Files.write(copy, file);
  }

  private static void assertReadAgain(ModelSpec model, StateDict weights, byte[] file) {
    NirModel read = NirReader.read(file, null);
    if (model.graph().isSequence()) {
      assertThat(read.model()).isEqualTo(model);
    }
    assertThat(layers(read.model())).isEqualTo(layers(model));
    assertThat(read.model().graph().output().name()).isEqualTo(model.graph().output().name());
    assertThat(read.weights().tensors()).containsOnlyKeys(weights.tensors().keySet());
    weights
        .tensors()
        .forEach(
            (name, t) ->
                assertThat(Golden.tensor(read.weights(), name).data())
                    .as(name)
                    .isEqualTo(t.data()));
  }

  /** Layers with the names of what they read, in whatever order they are listed. */
  private static Map<String, List<Object>> layers(ModelSpec model) {
    Graph graph = model.graph();
    var layers = new TreeMap<String, List<Object>>();
    for (Graph.Vertex vertex : graph.order()) {
      var inputs =
          vertex.inputs().stream()
              .map(i -> i == Graph.INPUT_INDEX ? Graph.INPUT : graph.layer(i).name());
      layers.put(
          vertex.name(),
          List.of(
              vertex.spec(),
              (vertex.spec() instanceof JoinSpec.Add ? inputs.sorted() : inputs).toList()));
    }
    return layers;
  }

  @ParameterizedTest
  @EnumSource(NirDialect.class)
  void peerCountsSameSpikesInWrittenFile(NirDialect dialect) {
    assertSpikes("ours-" + dialect.name().toLowerCase(), null);
  }

  @ParameterizedTest
  @EnumSource(NirDialect.class)
  void fileOfPeerSpikesAsInPeer(NirDialect dialect) {
    assertSpikes("peer-" + dialect.name().toLowerCase(), dialect);
  }

  /** A golden file spikes here as it did in the peer's library. */
  private static void assertSpikes(String name, @Nullable NirDialect dialect) {
    assertThat(counts(NirReader.read(Golden.bytes(name + ".nir"), dialect)))
        .as(name)
        .isEqualTo(peerCounts(name));
  }

  /** The three of the above at once, for networks that not every dialect knows. */
  private static void assertTheSameAtThePeer(
      String name, NirDialect dialect, ModelSpec model, StateDict weights) throws IOException {
    byte[] file = NirWriter.write(model, weights, dialect);
    keep("ours-" + name, file);
    assertReadAgain(model, weights, file);
    assertSpikes("ours-" + name, null);
    assertSpikes("peer-" + name, dialect);
  }

  @Test
  void graphsWithinTheGraphAreUnfolded() {
    NirModel nested = NirReader.read(Golden.bytes("nested.nir"), NirDialect.NORSE);

    assertThat(nested.model().layers().stream().map(LayerSpec::typeName))
        .containsExactly("Linear", "IAF", "Linear");
  }

  @Test
  void namesTheNodeThatIsNoLayerOfASequence() {
    assertRefused("loop.nir", "/node/nodes/flatten", "only spiking neurons");
    assertRefused("delay.nir", "/node/nodes/delay", "no counterpart");
    assertThatThrownBy(() -> NirReader.read(Golden.bytes("uneven.nir"), NirDialect.SNNTORCH))
        .hasMessageContaining("/node/nodes/if/v_threshold differs between neurons");
    assertRefused("misfit.nir", "/node/nodes/fc/in_features", "must be 3");
  }

  @Test
  void neuronsThatLeadBackToThemselvesAreRecurrent() throws IOException {
    ModelSpec model = flat(recurrent(5, false, null), recurrent(4, true, null));
    StateDict weights = flatWeights(model);
    assertTheSameAtThePeer("snntorch-recurrent", NirDialect.SNNTORCH, model, weights);

    ModelSpec current = flat(recurrent(5, false, 3.0), recurrent(4, true, 2.0));
    StateDict its = flatWeights(current);
    assertReadAgain(current, its, NirWriter.write(current, its, NirDialect.SNNTORCH));

    Golden.tensor(weights, "4.rec_connect.bias").data()[2] = 0.5f;
    assertThatThrownBy(() -> NirWriter.write(model, weights, NirDialect.SNNTORCH))
        .hasMessageContaining("/layers/4/rec_connect/bias");
    assertThatThrownBy(() -> NirWriter.write(model, weights, NirDialect.NORSE))
        .hasMessageContaining("/layers/2")
        .hasMessageContaining("snnTorch and Lava only");
  }

  @Test
  void readsRecurrentWeightsFromSameGraphAndMovesTheirBias() {
    NirModel read = NirReader.read(Golden.bytes("recurrent.nir"), NirDialect.NORSE);

    assertThat(read.model().layers().stream().map(LayerSpec::typeName))
        .containsExactly("Linear", "LIFRecurrent");
    assertThat(Golden.tensor(read.weights(), "fc.bias").data()).containsExactly(0.2f, 0.2f);
    assertThat(Golden.tensor(read.weights(), "lif.rec_connect.weight").data()).containsOnly(0.5f);
    assertThat(read.weights().tensors()).doesNotContainKey("lif.rec_connect.bias");
  }

  /** Lava rounds the weights from neurons to neurons. */
  @Test
  void neuronsLeadBackToThemselvesInLavaToo() throws IOException {
    ModelSpec model = flat(recurrent(5, false, 3.0, 12), recurrent(4, true, null, 2));
    StateDict weights = flatWeights(model);
    assertThatThrownBy(() -> NirWriter.write(model, weights, NirDialect.LAVA))
        .hasMessageContaining("/layers/2/rec_connect/weight");

    for (String back : List.of("2.rec_connect.weight", "4.rec_connect.weight")) {
      float[] data = Golden.tensor(weights, back).data();
      for (int i = 0; i < data.length; i++) {
        data[i] = Math.round(data[i] * 32) / 32f;
      }
    }
    assertTheSameAtThePeer("lava-recurrent", NirDialect.LAVA, model, weights);
  }

  /** Thresholds in 64ths (of IF nodes in 4096ths) that potentials must pass, decays in 4096ths. */
  @Test
  void lavasNeuronsAreReadWithTheRoundingOfLava() {
    assertThat(lava("IF", "r", 1, "v_threshold", 0.7)).isEqualTo(iaf(2867 / 4096.0 + 0x1p-18));
    // The difference is lost in float32.
    assertThat(lava("IF", "r", 1, "v_threshold", 1)).isEqualTo(iaf(1));

    assertThat(cuba(1e-4, 1e-3, 0.1)).isEqualTo(lif(410, null, 6 / 64.0 + 0x1p-12));
    assertThat(cuba(2e-4, 4e-4, 64)).isEqualTo(lif(1024, -1 / Math.log(0.5), 64 * 0.5));
    assertThat(cuba(1e-4, Double.POSITIVE_INFINITY, 1)).isEqualTo(iaf(1 + 0x1p-12));
  }

  private static NeuronSpec.IAF iaf(double threshold) {
    return new NeuronSpec.IAF(
        Constant.of(threshold), SpikeFn.SINGLE, ZERO, SurrogateSpec.DEFAULT, null, null, false);
  }

  private static NeuronSpec.LIF lif(int decay, @Nullable Double tauSyn, double threshold) {
    return new NeuronSpec.LIF(
        Constant.of(-1 / Math.log(1 - decay / 4096.0)),
        Constant.ofNullable(tauSyn),
        false,
        false,
        Constant.of(threshold),
        SpikeFn.SINGLE,
        ZERO,
        SurrogateSpec.DEFAULT,
        null,
        false);
  }

  private static LayerSpec cuba(double tauSyn, double tauMem, double threshold) {
    return lava(
        "CubaLIF",
        "tau_syn",
        tauSyn,
        "tau_mem",
        tauMem,
        "r",
        tauMem / 1e-4,
        "w_in",
        tauSyn / 1e-4,
        "v_leak",
        0,
        "v_threshold",
        threshold);
  }

  /** What a node for two neurons with these fields is read as. */
  private static LayerSpec lava(String type, Object... fields) {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (int i = 0; i < fields.length; i += 2) {
      float value = ((Number) fields[i + 1]).floatValue();
      tensors.put((String) fields[i], new Tensor(new int[] {2}, new float[] {value, value}));
    }
    return NirDialect.LAVA.read(new NirNode("/node/nodes/lif", type, tensors, Map.of()));
  }

  @Test
  void rejectsWritingWhatLavaReadsDifferently() {
    assertThatThrownBy(() -> lava("LIF", "tau", 1e-3, "r", 1, "v_leak", 0, "v_threshold", 1))
        .hasMessageContaining("LIF is not supported by LAVA");
    assertThatThrownBy(() -> lava("IF", "r", 2, "v_threshold", 1)).hasMessageContaining("lif/r");
    assertThatThrownBy(() -> lava("IF", "r", 1, "v_threshold", 1, "v_reset", -1))
        .hasMessageContaining("lif/v_reset");
    assertThatThrownBy(() -> cuba(1e-4, 1e-4, 1)).hasMessageContaining("lif/tau_mem");
    assertThatThrownBy(() -> cuba(Double.POSITIVE_INFINITY, 1e-3, 1))
        .hasMessageContaining("lif/tau_syn");
    for (var field : List.of("r", "w_in", "v_leak")) {
      assertThatThrownBy(
              () ->
                  lava(
                      "CubaLIF",
                      "tau_syn",
                      2e-4,
                      "tau_mem",
                      4e-4,
                      "r",
                      field.equals("r") ? 1 : 4,
                      "w_in",
                      field.equals("w_in") ? 1 : 2,
                      "v_leak",
                      field.equals("v_leak") ? 1 : 0,
                      "v_threshold",
                      1))
          .hasMessageContaining("lif/" + field);
    }
    assertThatThrownBy(() -> NirReader.read(Golden.bytes("recurrent-bias.nir"), NirDialect.LAVA))
        .hasMessageContaining("/node/nodes/rec/bias");
  }

  @Test
  void rejectsWritingWhatLavaCannotRepresent() {
    ResetFn half = new ResetFn(ResetFn.Kind.RESET, 0.5);
    assertNotForLava(
        "/layers/2 must spike at most once", neurons(8.0, 1, SpikeFn.MULTI, ZERO, null));
    assertNotForLava(
        "/layers/2 must spike at most once",
        neurons(8.0, 1, SpikeFn.SINGLE, ResetFn.SUBTRACT, null));
    assertNotForLava(
        "/layers/2 must spike at most once", neurons(8.0, 1, SpikeFn.SINGLE, half, null));
    assertNotForLava(
        "/layers/2 must spike at most once", neurons(8.0, 1, SpikeFn.SINGLE, ZERO, -1.0));
    assertNotForLava("/layers/2/spike_threshold", neurons(8.0, 0.1, SpikeFn.SINGLE, ZERO, null));
    assertNotForLava("/layers/2/tau_mem", neurons(1000.0, 1, SpikeFn.SINGLE, ZERO, null));
    assertNotForLava(
        "/layers/2 ExpLeak", new NeuronSpec.ExpLeak(Constant.of(6), null, null, false, null));

    var conv =
        new SynapticSpec.Conv2d(2, 4, new Size2(3, 3), Size2.ONE, Size2.ZERO, Size2.ONE, 1, true);
    assertNotForLava("/layers/0 must have no bias", planes(conv));
    assertNotForLava(
        "/layers/0 must have one group",
        planes(
            new SynapticSpec.Conv2d(
                2, 4, new Size2(3, 3), Size2.ONE, Size2.ZERO, Size2.ONE, 2, false)));
    assertNotForLava(
        "/layers/0 must have windows that do not overlap",
        planes(new PoolSpec.SumPool2d(new Size2(3, 3), new Size2(3, 3), false)));
    assertNotForLava(
        "/layers/0 must have windows that do not overlap",
        planes(new PoolSpec.AvgPool2d(new Size2(2, 2), new Size2(1, 1), Size2.ZERO)));
  }

  private static void assertNotForLava(String where, LayerSpec neurons) {
    assertNotForLava(where, flat(neurons, iaf(1)));
  }

  private static void assertNotForLava(String where, ModelSpec model) {
    assertThatThrownBy(() -> NirWriter.write(model, ones(model), NirDialect.LAVA))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining(where);
  }

  private static StateDict ones(ModelSpec model) {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (int i = 0; i < model.layers().size(); i++) {
      switch (model.layers().get(i)) {
        case SynapticSpec.Conv2d conv -> {
          int in = conv.inChannels() / conv.groups();
          tensors.put(i + ".weight", ones(conv.outChannels(), in, 3, 3));
          if (conv.bias()) {
            tensors.put(i + ".bias", ones(conv.outChannels()));
          }
        }
        case SynapticSpec.Linear fc -> {
          tensors.put(i + ".weight", ones(fc.outFeatures(), fc.inFeatures()));
          if (fc.bias()) {
            tensors.put(i + ".bias", ones(fc.outFeatures()));
          }
        }
        default -> {}
      }
    }
    return Weights.of(model, new StateDict(tensors));
  }

  private static Tensor ones(int... shape) {
    var data = new float[Shape.of(shape).size()];
    Arrays.fill(data, 1);
    return new Tensor(shape, data);
  }

  private static ModelSpec planes(LayerSpec layer) {
    return ModelSpec.sequence("planes", List.of(2, 8, 8), List.of(layer, iaf(1)));
  }

  private static LayerSpec neurons(
      Double tauMem, double threshold, SpikeFn spike, ResetFn reset, @Nullable Double least) {
    return new NeuronSpec.LIF(
        Constant.of(tauMem),
        null,
        false,
        false,
        Constant.of(threshold),
        spike,
        reset,
        null,
        least,
        false);
  }

  private static LayerSpec recurrent(int tauMem, boolean bias, Double tauSyn) {
    return recurrent(tauMem, bias, tauSyn, 1.0);
  }

  private static LayerSpec recurrent(int tauMem, boolean bias, Double tauSyn, double threshold) {
    return new NeuronSpec.LIFRecurrent(
        Constant.of(tauMem),
        bias ? new SynapticSpec.Linear(5, 5, true) : null,
        Constant.ofNullable(tauSyn),
        null,
        false,
        Constant.of(threshold),
        SpikeFn.SINGLE,
        ZERO,
        null,
        null,
        null);
  }

  private static final ResetFn ZERO = new ResetFn(ResetFn.Kind.RESET, 0.0);

  /** Norse integrates with its input normed, sinabs without; the neurons after it spike. */
  @ParameterizedTest
  @EnumSource(
      value = NirDialect.class,
      names = {"SINABS", "NORSE"})
  void leakyIntegratorsAreLi(NirDialect dialect) throws IOException {
    boolean norse = dialect == NirDialect.NORSE;
    ModelSpec model =
        flat(
            new NeuronSpec.ExpLeak(Constant.of(6), null, null, norse, null),
            new NeuronSpec.IAF(
                Constant.of(1),
                norse ? SpikeFn.SINGLE : SpikeFn.MULTI,
                norse ? ZERO : null,
                null,
                null,
                norse ? null : -1.0,
                null));
    StateDict weights = flatWeights(model);
    assertTheSameAtThePeer(dialect.name().toLowerCase() + "-leak", dialect, model, weights);

    assertThatThrownBy(() -> NirWriter.write(model, weights, NirDialect.SNNTORCH))
        .hasMessageContaining("/layers/2")
        .hasMessageContaining("ExpLeak");
  }

  @Test
  void conv1dMatchesSinabs() throws IOException {
    ModelSpec model =
        ModelSpec.sequence(
            "line",
            List.of(2, 16),
            List.of(
                new SynapticSpec.Conv1d(2, 4, 3, 2, 1, 1, 1, true),
                new NeuronSpec.IAF(Constant.of(0.75), null, null, null, null, -0.75, null),
                new ShapeSpec.Flatten(),
                new SynapticSpec.Linear(32, 5, false),
                new NeuronSpec.IAF(Constant.of(0.5), null, null, null, null, -0.5, null)));
    var random = new Random(9);
    var tensors = new LinkedHashMap<String, Tensor>();
    tensors.put("0.weight", random(random, 0.4f, 4, 2, 3));
    tensors.put("0.bias", random(random, 0.2f, 4));
    tensors.put("3.weight", random(random, 0.4f, 5, 32));
    StateDict weights = Weights.of(model, new StateDict(tensors));
    assertTheSameAtThePeer("sinabs-conv1d", NirDialect.SINABS, model, weights);

    assertThatThrownBy(() -> NirWriter.write(model, weights, NirDialect.NORSE))
        .hasMessageContaining("/layers/0")
        .hasMessageContaining("sinabs alone");
  }

  @Test
  void edgesIntoOneNodeAreSummed() throws IOException {
    NirModel residual = NirReader.read(Golden.bytes("residual.nir"), null);

    assertThat(residual.model().nodes())
        .extracting(Node::name, Node::inputs)
        .containsExactly(
            tuple("a", null),
            tuple("n", null),
            tuple("b", null),
            tuple("n2_add", List.of("n", "b")),
            tuple("n2", null));
    assertThat(residual.model().layers().get(3)).isEqualTo(new JoinSpec.Add());

    byte[] ours = NirWriter.write(residual.model(), residual.weights(), NirDialect.SINABS);
    keep("ours-residual", ours);
    assertReadAgain(residual.model(), residual.weights(), ours);
    assertSpikes("ours-residual", null);
    assertThat(counts(residual)).isEqualTo(peerCounts("ours-residual"));
    assertThat(NirReader.read(Golden.bytes("branches.nir"), NirDialect.NORSE).model().nodes())
        .extracting(Node::name)
        .containsExactly("fc", "other", "lif_add", "lif");
  }

  @Test
  void sumsOfSumsAreWrittenAsEdgesOfTheirReaders() {
    var linear = new SynapticSpec.Linear(3, 3, false);
    var iaf = new NeuronSpec.IAF(Constant.of(1), null, null, null, null, -1.0, null);
    ModelSpec model =
        new ModelSpec(
            "sums",
            List.of(3),
            List.of(
                new Node("stem", null, linear),
                new Node("left.spike", null, iaf),
                new Node("right.spike", List.of("stem"), iaf),
                new Node("both", List.of("left.spike", "right.spike"), new JoinSpec.Add()),
                new Node("all", List.of("both", "input"), new JoinSpec.Add()),
                new Node("out", null, linear)),
            null);
    var tensors = new LinkedHashMap<String, Tensor>();
    tensors.put("stem.weight", random(new Random(1), 1, 3, 3));
    tensors.put("out.weight", random(new Random(2), 1, 3, 3));
    var weights = new StateDict(tensors);

    NirModel read = NirReader.read(NirWriter.write(model, weights, NirDialect.SINABS), null);

    assertThat(read.model().nodes())
        .extracting(Node::name, Node::inputs)
        .containsExactly(
            tuple("stem", null),
            tuple("left.spike", null),
            tuple("right.spike", List.of("stem")),
            tuple("all", List.of("input", "left.spike", "right.spike")),
            tuple("out", null));
    assertThat(read.weights().tensors()).containsOnlyKeys("stem.weight", "out.weight");
  }

  /** NIR has no node for it: weights of 0 and 1 move each part to its channels. */
  @Test
  void concatenationsAreSumsOfTheirMovedParts() throws IOException {
    ModelSpec model =
        concatenated(new PoolSpec.AvgPool2d(new Size2(2, 2), new Size2(2, 2), Size2.ZERO));
    StateDict weights = drawn(model);
    byte[] file = NirWriter.write(model, weights, NirDialect.SINABS);
    keep("ours-sinabs-concat", file);
    assertReadAgain(model, weights, file);
    assertSpikes("ours-sinabs-concat", null);

    // Without the graph's metadata it is what any other library reads: weights and sums.
    NirModel bare = readBare(file, NirDialect.SINABS);
    assertThat(bare.model().layers()).noneMatch(JoinSpec.Concat.class::isInstance);
    assertThat(counts(bare)).isEqualTo(peerCounts("ours-sinabs-concat"));

    ModelSpec lines =
        new ModelSpec(
            null,
            List.of(3, 4),
            List.of(
                new Node(null, null, new ShapeSpec.Identity()),
                new Node(null, List.of("input", "0"), new JoinSpec.Concat(1))),
            null);
    assertThatThrownBy(() -> NirWriter.write(lines, new StateDict(Map.of()), NirDialect.SINABS))
        .hasMessageContaining("/layers/1 Concat of (C, L) signals cannot be written to NIR");
    assertThatThrownBy(() -> NirWriter.write(model, weights, NirDialect.LAVA))
        .isInstanceOf(InvalidSpecException.class);
  }

  /** Two convolutions of the input, whose spikes are joined, pooled and joined again. */
  private static ModelSpec concatenated(PoolSpec pool) {
    var iaf = new NeuronSpec.IAF(Constant.of(0.75), null, null, null, null, -0.75, null);
    return new ModelSpec(
        "concatenated",
        List.of(2, 8, 8),
        List.of(
            new Node("left", null, conv(2, 3)),
            new Node("left.spike", null, iaf),
            new Node("right", List.of("input"), conv(2, 2)),
            new Node("right.spike", null, iaf),
            new Node("both", List.of("right.spike", "left.spike"), new JoinSpec.Concat(1)),
            new Node("pool", null, pool),
            new Node("spike", null, iaf),
            new Node("deep", List.of("both"), conv(5, 5)),
            new Node("deep.pool", null, pool),
            new Node("sum", List.of("spike", "deep.pool"), new JoinSpec.Add()),
            new Node("sum.spike", null, iaf),
            new Node("flat", null, new ShapeSpec.Flatten()),
            new Node("fc", null, new SynapticSpec.Linear(80, 3, false)),
            new Node("fc.spike", null, iaf),
            new Node("fc2", List.of("flat"), new SynapticSpec.Linear(80, 2, true)),
            new Node("fc2.spike", null, iaf),
            new Node("all", List.of("fc.spike", "fc2.spike"), new JoinSpec.Concat(1)),
            new Node("out", null, new SynapticSpec.Linear(5, 4, false)),
            new Node("out.spike", null, iaf)),
        null);
  }

  private static SynapticSpec.Conv2d conv(int in, int out) {
    return new SynapticSpec.Conv2d(
        in, out, new Size2(3, 3), Size2.ONE, Size2.ONE, Size2.ONE, 1, false);
  }

  /** Weights that make a model spike. */
  private static StateDict drawn(ModelSpec model) {
    var random = new Random(9);
    var tensors = new LinkedHashMap<String, Tensor>();
    for (var vertex : model.graph().order()) {
      vertex
          .spec()
          .parameters(vertex.inputShape())
          .forEach(
              (name, shape) ->
                  tensors.put(
                      vertex.name() + "." + name,
                      name.startsWith("tau_")
                          ? new Tensor(new int[0], new float[] {5})
                          : random(
                              random, 0.3f, shape.dims().stream().mapToInt(d -> d).toArray())));
    }
    return Weights.of(model, new StateDict(tensors));
  }

  /** What a file says to libraries that do not know our metadata. */
  private static NirModel readBare(byte[] file, NirDialect dialect) {
    NirGraph graph = NirGraph.read(file, _ -> {});
    return NirReader.read(
        new NirGraph(
            graph.root().withMetadata(Map.of()),
            graph.order().stream().map(node -> node.withMetadata(Map.of())).toList(),
            graph.sources(),
            graph.readers()),
        dialect);
  }

  /** The neurons' thresholds are scaled instead of weights, and recurrent neurons get weights. */
  @Test
  void poolsThatADialectLacksMayStandBeforeNeuronsAndAtTheEnd() throws IOException {
    var average = new PoolSpec.AvgPool2d(new Size2(2, 2), new Size2(2, 2), Size2.ZERO);
    var iaf = new NeuronSpec.IAF(Constant.of(0.75), null, null, null, null, -0.75, null);
    ModelSpec model =
        ModelSpec.sequence(
            "pools",
            List.of(2, 8, 8),
            List.of(conv(2, 4), iaf, average, iaf, average, new ShapeSpec.Flatten(), iaf));
    StateDict weights = drawn(model);
    byte[] file = NirWriter.write(model, weights, NirDialect.SINABS);
    keep("ours-sinabs-pools", file);
    assertReadAgain(model, weights, file);
    ModelSpec end = ModelSpec.sequence("end", List.of(2, 8, 8), List.of(conv(2, 4), iaf, average));
    byte[] last = NirWriter.write(end, drawn(end), NirDialect.SINABS);
    keep("ours-sinabs-end", last);
    assertReadAgain(end, drawn(end), last);
    assertThat(counts(NirReader.read(last, null)))
        .isEqualTo(counts(new NirModel(end, drawn(end), List.of())));

    assertSpikes("ours-sinabs-pools", null);
    assertThat(counts(readBare(file, NirDialect.SINABS)))
        .isEqualTo(peerCounts("ours-sinabs-pools"));
    var sums = new PoolSpec.SumPool2d(new Size2(4, 4), new Size2(4, 4), false);
    ModelSpec back =
        ModelSpec.sequence(
            "back",
            List.of(5, 4, 4),
            List.of(
                sums,
                new ShapeSpec.Flatten(),
                recurrent(5, true, null),
                new SynapticSpec.Linear(5, 5, false),
                neurons(5.0, 0.4, SpikeFn.SINGLE, new ResetFn(ResetFn.Kind.RESET, 0.25), null)));
    StateDict its = drawn(back);
    Arrays.fill(Golden.tensor(its, "2.rec_connect.bias").data(), 0);
    byte[] recurrent = NirWriter.write(back, its, NirDialect.SNNTORCH);
    assertReadAgain(back, its, recurrent);
    assertThat(counts(NirReader.read(recurrent, null)))
        .isEqualTo(counts(new NirModel(back, its, List.of())))
        .isNotEqualTo(new int[5]);
  }

  @Test
  void writesAveragePoolAsSumPoolForSinabs() throws IOException {
    NirModel average = NirReader.read(Golden.bytes("out_avgpool.nir"), null);
    byte[] ours = NirWriter.write(average.model(), average.weights(), NirDialect.SINABS);
    keep("ours-sinabs-avgpool", ours);

    assertThat(NirGraph.read(ours, _ -> {}).order())
        .extracting(NirNode::type)
        .contains("SumPool2d");
    assertReadAgain(average.model(), average.weights(), ours);
    assertThat(counts(average)).containsExactly(12, 0, 0);
    assertSpikes("ours-sinabs-avgpool", null);

    var padded = new PoolSpec.AvgPool2d(new Size2(2, 2), new Size2(2, 2), Size2.ONE);
    assertThatThrownBy(
            () -> NirWriter.write(planes(padded), ones(planes(padded)), NirDialect.SINABS))
        .hasMessageContaining("/layers/0 must have no padding for sinabs");
  }

  @Test
  void convolutionsWhoseGroupsNoImporterReadsAreNotWritten() {
    for (NirDialect dialect : NirDialect.values()) {
      ModelSpec depthwise =
          planes(
              new SynapticSpec.Conv2d(
                  2, 4, new Size2(3, 3), Size2.ONE, Size2.ZERO, Size2.ONE, 2, false));
      assertThatThrownBy(() -> NirWriter.write(depthwise, ones(depthwise), dialect))
          .hasMessageContaining("/layers/0")
          .hasMessageContaining("group");
    }
  }

  @Test
  void leadingOneIsChannelForConv1d() {
    NirModel line = NirReader.read(Golden.bytes("roundtrip_conv1d_1xL.nir"), null);

    assertThat(line.model().inputShape()).containsExactly(1, 16);
    assertThat(counts(line))
        .isEqualTo(
            counts(
                NirReader.read(
                    NirWriter.write(line.model(), line.weights(), NirDialect.SINABS), null)));
  }

  @Test
  void paddingMayBeAWord() {
    NirModel same = NirReader.read(Golden.bytes("sinabs_same.nir"), null);

    assertThat(same.model().layers().getFirst())
        .isEqualTo(
            new SynapticSpec.Conv2d(
                1, 4, new Size2(3, 3), Size2.ONE, Size2.ONE, Size2.ONE, 1, true));
  }

  @Test
  void readsNodesThatScaleIntegrateAndCompare() {
    // Counts by NIR's equations: numpy, float64.
    NirModel scaled = NirReader.read(Golden.bytes("scale.nir"), NirDialect.SINABS);
    assertThat(scaled.model().layers().stream().map(LayerSpec::typeName))
        .containsExactly("Linear", "IAF");
    assertThat(Golden.tensor(scaled.weights(), "fc.weight").data())
        .containsExactly(3, 3, 3, 5, 5, 5);
    assertThat(counts(scaled)).containsExactly(93, 155);

    assertThat(counts(NirReader.read(Golden.bytes("cuba-li.nir"), NirDialect.NORSE)))
        .containsExactly(9, 9);
    assertThatThrownBy(() -> NirReader.read(Golden.bytes("cuba-li.nir"), null))
        .hasMessageContaining("CubaLI is not supported by SINABS");

    assertThat(counts(NirReader.read(Golden.bytes("integrator.nir"), NirDialect.SINABS)))
        .containsExactly(7, 7);
  }

  /** What their NIR nodes are read as is written, and read again. */
  @ParameterizedTest
  @CsvSource({
    "scale.nir, SINABS, IF",
    "scale.nir, NORSE, IF",
    "cuba-li.nir, NORSE, CubaLI",
    "cuba-li.nir, SNNTORCH, CubaLI",
    "integrator.nir, SINABS, LI",
    "integrator.nir, NORSE, I",
    "integrator.nir, SNNTORCH, I"
  })
  void nodesThatAreReadAreWritten(String name, NirDialect dialect, String type) {
    NirModel read = NirReader.read(Golden.bytes(name), dialect);

    byte[] ours = NirWriter.write(read.model(), read.weights(), dialect);

    assertThat(NirGraph.read(ours, _ -> {}).order()).extracting(NirNode::type).contains(type);
    NirModel again = NirReader.read(ours, null);
    assertThat(again.model().nodes())
        .extracting(Node::name, node -> node.layer().typeName())
        .isEqualTo(
            read.model().nodes().stream()
                .map(node -> tuple(node.name(), node.layer().typeName()))
                .toList());
    assertThat(counts(again)).isEqualTo(counts(read)).doesNotContain(0);
    // A time constant below a time step is taken for seconds unless the metadata says otherwise.
    if (!type.equals("LI")) {
      assertThat(counts(readBare(ours, dialect))).isEqualTo(counts(read));
    }
  }

  @Test
  void leaksWithACurrentKeepTheirConstantsPerNeuron() {
    ModelSpec model =
        flat(
            new NeuronSpec.ExpLeak(
                Constant.of(List.of(2, 3, 4, 5, 6, 7)),
                Constant.of(List.of(7, 6, 5, 4, 3, 2)),
                false,
                true,
                null),
            iaf(1));
    StateDict weights = flatWeights(model);
    byte[] file = NirWriter.write(model, weights, NirDialect.NORSE);
    assertThat(counts(NirReader.read(file, null)))
        .isEqualTo(counts(new NirModel(model, weights, List.of())));
    assertThat(counts(readBare(file, NirDialect.NORSE)))
        .isEqualTo(counts(new NirModel(model, weights, List.of())));
    assertThatThrownBy(() -> NirWriter.write(model, weights, NirDialect.SINABS))
        .hasMessageContaining("/layers/2");
  }

  /** As nir.write stores arrays by default, and a hundred times larger than the file. */
  @Test
  void compressedWeightsAreReadWholeHoweverSmallTheFileIs() {
    byte[] file = Golden.bytes("compressed.nir");
    NirModel read = NirReader.read(file, null);
    float[] weight = Golden.tensor(read.weights(), "fc.weight").data();
    assertThat(file.length).isLessThan(weight.length * Float.BYTES / 20);
    assertThat(weight).hasSize(500 * 784);
    for (int i = 0; i < weight.length; i++) {
      assertThat(weight[i]).isEqualTo((i % 7 - 3) / 8f);
    }
  }

  @Test
  void fileWithoutInputNodeStartsAtItsFirstNode() {
    NirModel read = NirReader.read(Golden.bytes("no-ends.nir"), null);

    assertThat(read.model().inputShape()).containsExactly(3);
    assertThat(read.model().layers().stream().map(LayerSpec::typeName))
        .containsExactly("Linear", "IAF");
    assertThat(read.assumptions())
        .containsExactly(
            "The file has no Input node: the input shape [3] is that of its first node,"
                + " /node/nodes/fc");
  }

  @ParameterizedTest
  @EnumSource(
      value = NirDialect.class,
      names = {"SINABS", "NORSE"})
  void constantsMayDifferBetweenNeurons(NirDialect dialect) {
    boolean norse = dialect == NirDialect.NORSE;
    ModelSpec model =
        flat(
            new NeuronSpec.LIF(
                Constant.of(List.of(2, 3, 4, 5, 6, 7)),
                null,
                false,
                norse,
                Constant.of(0.4),
                norse ? SpikeFn.SINGLE : SpikeFn.MULTI,
                norse ? ZERO : ResetFn.SUBTRACT,
                SurrogateSpec.DEFAULT,
                null,
                false),
            new NeuronSpec.LIF(
                Constant.of(4),
                null,
                false,
                norse,
                Constant.of(List.of(1, 2, 3, 4, 5)),
                norse ? SpikeFn.SINGLE : SpikeFn.MULTI,
                norse ? ZERO : ResetFn.SUBTRACT,
                SurrogateSpec.DEFAULT,
                null,
                false));
    StateDict weights = flatWeights(model);
    byte[] file = NirWriter.write(model, weights, dialect);

    NirNode first = NirGraph.read(file, _ -> {}).order().get(3);
    assertThat(first.tensor("tau").data()).hasSize(6).doesNotHaveDuplicates();
    NirModel read = NirReader.read(file, null);
    assertThat(constant(read, 2, "tau_mem")).hasSize(6);
    for (int i = 0; i < 6; i++) {
      assertThat(constant(read, 2, "tau_mem").get(i)).isCloseTo(2 + i, within(1e-4));
    }
    assertThat(constant(read, 4, "spike_threshold")).hasSize(5);
    assertThat(counts(read)).isEqualTo(counts(new NirModel(model, weights, List.of())));

    assertThatThrownBy(() -> NirWriter.write(model, weights, NirDialect.SNNTORCH))
        .hasMessageContaining("/layers/2/tau_mem must be the same for all neurons");
    assertThat(
            ((NeuronSpec.IAF)
                    NirReader.read(Golden.bytes("uneven.nir"), NirDialect.NORSE)
                        .model()
                        .layers()
                        .get(1))
                .spikeThreshold())
        .isEqualTo(Constant.of(List.of(1.0, 2.0)));
    assertThatThrownBy(() -> NirReader.read(Golden.bytes("uneven.nir"), NirDialect.SINABS))
        .hasMessageContaining("/node/nodes/if has neurons that differ in more than");
  }

  private static List<Double> constant(NirModel read, int layer, String name) {
    return Objects.requireNonNull(
            ((NeuronSpec) read.model().layers().get(layer)).constants().get(name))
        .values();
  }

  /** nir.write compresses by default since January 2026. */
  @Test
  void compressedArraysAreBoundedByTheirSizeWhenInflated() throws IOException {
    var random = new Random(3);
    var weight = new float[400][300];
    for (float[] row : weight) {
      for (int i = 0; i < row.length; i++) {
        row[i] = random.nextFloat();
      }
    }
    var chunks = DatasetCreationOptions.builder().chunkDimensions(60, 90);

    NirModel read = NirReader.read(linear(weight, chunks.shuffle().deflate().build()), null);

    assertThat(read.model().inputShape()).containsExactly(300);
    float[] data = Golden.tensor(read.weights(), "0.weight").data();
    assertThat(data[399 * 300 + 7]).isEqualTo(weight[399][7]);

    Filter bomb = new Bomb();
    for (var small :
        List.of(
            DatasetCreationOptions.builder().chunkDimensions(2, 2).filter(bomb).build(),
            DatasetCreationOptions.builder().chunkDimensions(1, 2).filter(bomb).build())) {
      assertThatThrownBy(() -> NirReader.read(linear(new float[2][2], small), null))
          .isInstanceOf(InvalidSpecException.class)
          .hasMessageContaining(
              "/node/nodes/0/weight has a compressed chunk that unpacks to more than its");
    }
    assertThatThrownBy(
            () ->
                NirReader.read(
                    linear(
                        new float[2][2],
                        DatasetCreationOptions.builder()
                            .chunkDimensions(2, 2)
                            .deflate()
                            .deflate()
                            .build()),
                    null))
        .hasMessageContaining("an array may use shuffle, then gzip, then fletcher32");
  }

  /** Makes 4 MiB of every chunk, as no library does. */
  private static final class Bomb implements Filter {
    @Override
    public int getId() {
      return 1;
    }

    @Override
    public String getName() {
      return "deflate";
    }

    @Override
    public byte[] encode(byte[] data, int[] settings) {
      return new DeflatePipelineFilter().encode(new byte[1 << 22], new int[] {9});
    }

    @Override
    public byte[] decode(byte[] data, int[] settings) {
      throw new AssertionError("must not be inflated");
    }
  }

  private static byte[] linear(float[][] weight, DatasetCreationOptions options)
      throws IOException {
    Path file = Files.createTempFile("linear", ".nir");
    try (var hdf = HdfFile.write(file)) {
      hdf.putDataset("version", "1.0.7");
      WritableGroup node = hdf.putGroup("node");
      node.putDataset("type", "NIRGraph");
      node.putDataset("edges", new String[][] {{"input", "0"}, {"0", "output"}});
      WritableGroup nodes = node.putGroup("nodes");
      for (String end : List.of("Input", "Output")) {
        WritableGroup port = nodes.putGroup(end.toLowerCase(java.util.Locale.ROOT));
        port.putDataset("type", end);
        port.putDataset(
            "shape", new long[] {end.equals("Input") ? weight[0].length : weight.length});
      }
      WritableGroup linear = nodes.putGroup("0");
      linear.putDataset("type", "Linear");
      linear.putDataset("weight", weight, options);
    }
    try {
      return Files.readAllBytes(file);
    } finally {
      Files.delete(file);
    }
  }

  /** (2, 8, 8) values, two fully connected layers with these neurons after each. */
  private static ModelSpec flat(LayerSpec first, LayerSpec second) {
    return ModelSpec.sequence(
        "flat",
        List.of(2, 8, 8),
        List.of(
            new ShapeSpec.Flatten(),
            new SynapticSpec.Linear(128, 6, true),
            first,
            new SynapticSpec.Linear(6, 5, false),
            second));
  }

  private static StateDict flatWeights(ModelSpec model) {
    var random = new Random(8);
    var tensors = new LinkedHashMap<String, Tensor>();
    tensors.put("1.weight", random(random, 0.1f, 6, 128));
    tensors.put("1.bias", random(random, 0.2f, 6));
    tensors.put("3.weight", random(random, 1, 5, 6));
    if (model.layers().get(2) instanceof NeuronSpec.Recurrent) {
      tensors.put("2.rec_connect.weight", random(random, 0.7f, 6, 6));
      tensors.put("4.rec_connect.weight", random(random, 1.5f, 5, 5));
      tensors.put("4.rec_connect.bias", new Tensor(new int[] {5}, new float[5]));
    }
    return Weights.of(model, new StateDict(tensors));
  }

  private static void assertRefused(String name, String pointer, String detail) {
    assertThatThrownBy(() -> NirReader.read(Golden.bytes(name), NirDialect.NORSE))
        .isInstanceOfSatisfying(
            InvalidSpecException.class,
            e -> {
              assertThat(e.mistakes().getFirst().pointer()).isEqualTo(pointer);
              assertThat(e.mistakes().getFirst().detail()).contains(detail);
            });
  }

  @Test
  void damagedFilesAreRefusedNeverObeyed() {
    Golden.mutate(Golden.bytes("ours-sinabs.nir"), 3_000, 4, bytes -> NirReader.read(bytes, null));
    Golden.mutate(
        Golden.bytes("ours-snntorch-recurrent.nir"),
        1_000,
        6,
        bytes -> NirReader.read(bytes, null));
    Golden.mutate(
        Golden.bytes("peer-lava-recurrent.nir"),
        1_000,
        7,
        bytes -> NirReader.read(bytes, NirDialect.LAVA));
    Golden.mutate(
        Golden.bytes("peer-norse.nir"), 3_000, 5, bytes -> NirReader.read(bytes, NirDialect.NORSE));
  }

  private static int[] peerCounts(String name) {
    try {
      var arrays = Npz.read(new ByteArrayInputStream(Golden.bytes(name + ".npz")), 1 << 20);
      return Objects.requireNonNull(arrays.get("counts")).ints();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** Spikes of every neuron of the last spiking layer. */
  private static int[] counts(NirModel network) {
    try (Engine engine = Engine.create(1)) {
      var rates =
          Analyzer.analyze(
                  network.model(),
                  network.weights(),
                  new Analyzer.Batch(new InputSpec.Constant(1.0), null, 1, STEPS, null, 1),
                  engine)
              .firingRates();
      Tensor last = rates.values().stream().reduce((a, b) -> b).orElseThrow();
      var counts = new int[last.data().length];
      for (int i = 0; i < counts.length; i++) {
        counts[i] = Math.round(last.data()[i] * STEPS);
      }
      return counts;
    }
  }

  private static ModelSpec model(NirDialect dialect) {
    boolean sinabs = dialect == NirDialect.SINABS;
    SpikeFn spike = sinabs ? SpikeFn.MULTI : SpikeFn.SINGLE;
    ResetFn reset = sinabs ? ResetFn.SUBTRACT : ResetFn.RESET;
    var surrogate = new SurrogateSpec.Gaussian(0.0, 0.4, 1.0);
    boolean lava = dialect == NirDialect.LAVA;
    boolean canCuba = dialect == NirDialect.NORSE || dialect == NirDialect.SNNTORCH || lava;
    return ModelSpec.sequence(
        "small",
        List.of(2, 8, 8),
        List.of(
            new ShapeSpec.FlattenTime(),
            new SynapticSpec.Conv2d(
                2, 6, new Size2(3, 3), Size2.ONE, Size2.ZERO, Size2.ONE, 1, !lava),
            new NeuronSpec.IAF(
                Constant.of(0.75), spike, reset, surrogate, null, sinabs ? -0.75 : null, false),
            dialect == NirDialect.NORSE || sinabs
                ? new PoolSpec.SumPool2d(new Size2(2, 2), new Size2(2, 2), true)
                : new PoolSpec.AvgPool2d(new Size2(2, 2), new Size2(2, 2), Size2.ZERO),
            new SynapticSpec.Conv2d(
                6, 8, new Size2(3, 3), Size2.ONE, Size2.ONE, Size2.ONE, 1, false),
            // sinabs' importer takes leaky neurons only after flat layers.
            sinabs
                ? new NeuronSpec.IAF(Constant.of(0.5), spike, reset, surrogate, null, -0.5, false)
                : new NeuronSpec.LIF(
                    Constant.of(8),
                    null,
                    false,
                    true,
                    Constant.of(0.2),
                    spike,
                    reset,
                    surrogate,
                    null,
                    false),
            new ShapeSpec.Flatten(),
            new SynapticSpec.Linear(72, 10, false),
            new NeuronSpec.LIF(
                Constant.of(5),
                Constant.ofNullable(canCuba ? 3.0 : null),
                false,
                false,
                Constant.of(threshold(dialect)),
                spike,
                reset,
                surrogate,
                null,
                false),
            new ShapeSpec.UnflattenTime()));
  }

  /** High enough that neurons do not spike at every step. */
  private static double threshold(NirDialect dialect) {
    return switch (dialect) {
      case SINABS -> 0.5;
      case NORSE, SNNTORCH, LAVA -> 12;
      case SPIKINGJELLY -> 3;
    };
  }

  private static StateDict weights(ModelSpec model) {
    var random = new Random(7);
    var tensors = new LinkedHashMap<String, Tensor>();
    tensors.put("1.weight", random(random, 0.4f, 6, 2, 3, 3));
    Tensor bias = random(random, 0.2f, 6);
    if (model.layers().get(1) instanceof SynapticSpec.Conv2d conv && conv.bias()) {
      tensors.put("1.bias", bias);
    }
    tensors.put("4.weight", random(random, 0.2f, 8, 6, 3, 3));
    tensors.put("7.weight", random(random, 0.4f, 10, 72));
    return Weights.of(model, new StateDict(tensors));
  }

  private static Tensor random(Random random, float scale, int... shape) {
    var data = new float[Shape.of(shape).size()];
    for (int i = 0; i < data.length; i++) {
      data[i] = scale * (random.nextFloat() * 2 - 0.8f);
    }
    return new Tensor(shape, data);
  }
}
