package dev.spikewise.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import dev.spikewise.interop.nir.Golden;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes.Mistake;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Node;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.SurrogateSpec;
import dev.spikewise.spec.layer.DropoutSpec;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.NormSpec;
import dev.spikewise.spec.layer.PoolSpec;
import dev.spikewise.spec.layer.RectifierSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class PrintedModelTest {

  @Test
  void readsWhatPythonPrintsForTheTutorialsNetwork() {
    ModelSpec model = PrintedModel.parse(Golden.text("tutorial.txt"), List.of(1, 28, 28)).model();

    assertThat(model.layers().stream().map(LayerSpec::typeName))
        .containsExactly(
            "FlattenTime",
            "Conv2d",
            "IAF",
            "SumPool2d",
            "Conv2d",
            "IAF",
            "SumPool2d",
            "Conv2d",
            "IAF",
            "Flatten",
            "Linear",
            "IAF",
            "UnflattenTime");
    assertThat(model.graph().output().shape()).isEqualTo(Shape.of(10));
  }

  @Test
  void readsEveryOptionThatIsPrinted() {
    ModelSpec model = PrintedModel.parse(Golden.text("small.txt"), List.of(2, 8, 4)).model();

    assertThat(model.layers().get(1))
        .isEqualTo(
            new SynapticSpec.Conv2d(
                2, 4, new Size2(3, 2), new Size2(2, 2), new Size2(1, 0), Size2.ONE, 2, true));
    var iaf = (NeuronSpec.IAF) model.layers().get(2);
    assertThat(iaf.spikeThreshold()).isEqualTo(Constant.of(0.5));
    assertThat(iaf.minVMem()).isEqualTo(-1.0);
    var lif = (NeuronSpec.LIF) model.layers().get(6);
    assertThat(lif.tauMem()).isEqualTo(Constant.of(20.0));
    assertThat(lif.normInput()).isTrue();
    assertThat(model.layers().get(5)).isEqualTo(new SynapticSpec.Linear(8, 3, false));
  }

  @Test
  void readsLayersOfNetworksWithoutTimeAndForRegularisation() {
    var layers = PrintedModel.parse(Golden.text("layers.txt"), List.of(2, 6, 6)).model().layers();

    assertThat(layers.get(0)).isEqualTo(new NormSpec.BatchNorm2d(2, 1e-5, 0.1, true, true));
    assertThat(layers.get(1)).isEqualTo(new NormSpec.BatchNorm2d(2, 1e-3, 0.2, false, false));
    assertThat(layers.get(2)).isEqualTo(new DropoutSpec.Dropout(0.3));
    assertThat(layers.get(3)).isEqualTo(new DropoutSpec.Dropout2d(0.25));
    assertThat(layers.get(4)).isEqualTo(new RectifierSpec.NeuromorphicReLU(true, 1.0, false));
    assertThat(layers.get(5)).isEqualTo(new RectifierSpec.ReLU());
    assertThat(layers.get(6))
        .isEqualTo(new PoolSpec.SpikingMaxPooling2dLayer(Size2.ONE, Size2.ONE, Size2.ZERO));
    assertThat(layers.get(7))
        .isEqualTo(
            new PoolSpec.SpikingMaxPooling2dLayer(
                new Size2(2, 4), new Size2(1, 2), new Size2(1, 2)));
    assertThat(
            PrintedModel.parse(
                    "Sequential(\n"
                        + "  (0): Conv1d(2, 4, kernel_size=(3,), stride=(1,), padding=(1,))\n"
                        + ")",
                    List.of(2, 9))
                .model()
                .layers()
                .getFirst())
        .isEqualTo(new SynapticSpec.Conv1d(2, 4, 3, 1, 1, 1, 1, true));
  }

  @Test
  void readsEveryKindOfLayerAsSinabsPrintsIt() {
    ModelSpec model = PrintedModel.parse(Golden.text("every.txt"), List.of(2, 4, 4)).model();

    assertThat(model.layers().stream().map(LayerSpec::typeName))
        .containsExactly(
            "FlattenTime",
            "Conv2d",
            "BatchNorm2d",
            "ALIF",
            "Dropout",
            "Dropout2d",
            "SpikingMaxPooling2dLayer",
            "ExpLeak",
            "ReLU",
            "NeuromorphicReLU",
            "AvgPool2d",
            "Flatten",
            "Linear",
            "IAFRecurrent",
            "LIFRecurrent",
            "LIF",
            "IAF",
            "UnflattenTime");
    var alif = (NeuronSpec.ALIF) model.layers().get(3);
    assertThat(alif.tauMem()).isEqualTo(Constant.of(20));
    assertThat(alif.tauAdapt()).isEqualTo(Constant.of(30));
    assertThat(alif.adaptScale()).isEqualTo(1.8);
    assertThat(alif.minVMem()).isEqualTo(-1);
    assertThat(model.layers().get(7))
        .isEqualTo(new NeuronSpec.ExpLeak(Constant.of(9), null, false, false, -2.0));
    var recurrent = (NeuronSpec.LIFRecurrent) model.layers().get(14);
    assertThat(recurrent.tauSyn()).isEqualTo(Constant.of(3));
    assertThat(recurrent.minVMem()).isEqualTo(-1);
    var lif = (NeuronSpec.LIF) model.layers().get(15);
    assertThat(lif.normInput()).isFalse();
    assertThat(((NeuronSpec.IAF) model.layers().get(16)).spikeThreshold())
        .isEqualTo(Constant.of(0.3));
    assertThat(model.graph().output().shape()).isEqualTo(Shape.of(6));
  }

  @Test
  void readsAValueForEachNeuron() {
    ModelSpec model = PrintedModel.parse(Golden.text("uneven.txt"), List.of(4)).model();
    var lif = (NeuronSpec.LIF) model.layers().get(1);
    assertThat(lif.tauMem()).isEqualTo(new Constant(List.of(5.0, 6.0), false));
    assertThat(lif.spikeThreshold()).isEqualTo(Constant.of(1));
    assertThat(model.layers().getLast().typeName()).isEqualTo("Identity");
  }

  @Test
  void namesEveryLineThatIsNoLayerKnownHere() {
    assertThat(mistakes(Golden.text("strange.txt")))
        .extracting(Mistake::detail)
        .satisfiesExactly(
            d ->
                assertThat(d)
                    .startsWith("line 5: AlphaDropout: layers of this type are not supported"),
            d -> assertThat(d).isEqualTo("line 7: Conv2d: has no option padding_mode"),
            d -> assertThat(d).isEqualTo("line 8: Sigmoid: layers of this type are not supported"));
  }

  @Test
  void asksForTheSequentialWhereAModuleHidesItsOrder() {
    assertThat(mistakes("Net(\n  (fc): Linear(in_features=3, out_features=4, bias=True)\n)"))
        .containsExactly(
            new Mistake(
                "",
                "line 1: Net does not say in which order it calls its layers; print its"
                    + " nn.Sequential, or send the network as JSON or NIR, where branches can be"
                    + " described"));
    assertThat(mistakes("Net(\n  (a): Sequential(\n    (0): ReLU()\n  )\n  (b): ReLU()\n)"))
        .extracting(Mistake::detail)
        .singleElement()
        .asString()
        .startsWith("line 1: Net does not say in which order");
  }

  @Test
  void takesAClassWithNumberedChildrenAsASequenceAndSaysSo() {
    var printed = PrintedModel.parse(Golden.text("printed_tutorial.txt"), List.of(1, 28, 28));

    assertThat(printed.model().layers()).hasSize(13);
    assertThat(printed.model().layers().get(1))
        .isEqualTo(
            new SynapticSpec.Conv2d(
                1, 16, new Size2(5, 5), Size2.ONE, Size2.ZERO, Size2.ONE, 1, false));
    assertThat(printed.model().graph().output().shape()).isEqualTo(Shape.of(10));
    assertThat(printed.assumptions())
        .containsExactly("line 1: SNN was taken as a sequence, because its children are numbered");
    assertThat(PrintedModel.parse(Golden.text("tutorial.txt"), List.of(1, 28, 28)).assumptions())
        .isEmpty();
  }

  @Test
  void namesTheAssumptionWhereNumberedChildrenDoNotFitAsASequence() {
    assertThat(
            mistakes(
                "Net(\n  (0): Flatten(start_dim=1, end_dim=-1)\n"
                    + "  (1): Linear(in_features=7, out_features=4, bias=True)\n)"))
        .extracting(Mistake::detail)
        .anySatisfy(d -> assertThat(d).contains("7"))
        .anySatisfy(d -> assertThat(d).contains("line 1: Net was taken as a sequence"));
  }

  @Test
  void unfoldsModulesWithinModules() {
    var printed =
        PrintedModel.parse(
            """
            Net(
              (layers): ModuleList(
                (0): Flatten(start_dim=1, end_dim=-1)
                (1-2): 2 x Sequential(
                  (fc): Linear(in_features=9, out_features=9, bias=False)
                  (act): ReLU()
                )
              )
            )\
            """,
            List.of(1, 3, 3));

    assertThat(printed.model().layers().stream().map(LayerSpec::typeName))
        .containsExactly("Flatten", "Linear", "ReLU", "Linear", "ReLU");
    assertThat(printed.model().nodes())
        .extracting(Node::name)
        .containsExactly(null, "1.fc", "1.act", "2.fc", "2.act");
    assertThat(printed.assumptions())
        .containsExactly(
            "line 1: Net was taken as layers, its only child",
            "line 2: ModuleList was taken as a sequence, because its children are numbered");
  }

  @Test
  void readsTensorsWithDeviceAndType() {
    var layers = PrintedModel.parse(Golden.text("printed_cuda.txt"), List.of(8)).model().layers();

    assertThat(layers.get(0)).isEqualTo(new SynapticSpec.Linear(8, 4, true));
    var iaf = (NeuronSpec.IAF) layers.get(1);
    assertThat(iaf.spikeThreshold()).isEqualTo(Constant.of(1.0));
    assertThat(iaf.minVMem()).isEqualTo(-1.0);
    var lif =
        (NeuronSpec.LIF)
            neurons(
                "LIF(tau_mem=Parameter containing:\n  tensor([20., 20.,\n        20.],"
                    + " device='cuda:1', dtype=torch.float64, requires_grad=True),"
                    + " spike_threshold=tensor(0.5000, grad_fn=<AddBackward0>))");
    assertThat(lif.tauMem()).isEqualTo(Constant.of(20));
    assertThat(lif.spikeThreshold()).isEqualTo(Constant.of(0.5));
    assertThat(mistakes("Sequential(\n  (0): LIF(tau_mem=tensor([20., 20.,  ..., 20.]))\n)"))
        .extracting(Mistake::detail)
        .singleElement()
        .asString()
        .startsWith("line 2: LIF: tau_mem is not printed in full");
  }

  @Test
  void asksForWhatSnnTorchAndSpikingJellyDoNotPrint() {
    assertThat(mistakes("Sequential(\n  (0): Leaky()\n  (1): Leaky(beta=0.5)\n)"))
        .extracting(Mistake::detail)
        .containsExactly(
            "line 2: Leaky: snnTorch does not print beta, threshold, reset_mechanism, reset_delay;"
                + " write it into the brackets: Leaky(beta=0.9, threshold=1.0,"
                + " reset_mechanism=subtract, reset_delay=True)",
            "line 3: Leaky: snnTorch does not print threshold, reset_mechanism, reset_delay;"
                + " write it into the brackets: Leaky(beta=0.5, threshold=1.0,"
                + " reset_mechanism=subtract, reset_delay=True)");
    assertThat(mistakes("Sequential(\n  (0): " + LIF_NODE + "\n)"))
        .extracting(Mistake::detail)
        .containsExactly(
            "line 2: LIFNode: SpikingJelly does not print decay_input; write it into the brackets:"
                + " LIFNode(tau=2.0, v_threshold=1.0, v_reset=0.0, decay_input=True)");
    assertThat(
            mistakes(
                "Sequential(\n  (0): Leaky(beta=0.9, threshold=1.0, reset_mechanism=subtract,"
                    + " reset_delay=False)\n)"))
        .extracting(Mistake::detail)
        .singleElement()
        .asString()
        .contains("use reset_delay=True");
  }

  @Test
  void refusesNeuronsThatNoLayerHereIs() {
    assertThat(
            mistakes(
                """
                Sequential(
                  (0): Synaptic(beta=0.9)
                  (1): Synaptic(alpha=0.5, beta=0.9, threshold=1.0, reset_mechanism=zero, reset_delay=True)
                  (2): Synaptic(alpha=1.0, beta=0.9, threshold=1.0, reset_mechanism=none, reset_delay=True)
                  (3): Synaptic(alpha=0.5, beta=1.0, threshold=1.0, reset_mechanism=none, reset_delay=True)
                  (4): ParametricLIFNode(
                    v_threshold=1.0, v_reset=0.0, detach_reset=False, step_mode=s, backend=torch, tau=2.0
                    (surrogate_function): Sigmoid(alpha=4.0, spiking=True)
                  )
                )\
                """))
        .extracting(Mistake::detail)
        .satisfiesExactly(
            m ->
                assertThat(m)
                    .contains("Synaptic(alpha=0.8, beta=0.9, threshold=1.0, reset_mechanism="),
            m -> assertThat(m).contains("drops the current of the time step after a spike"),
            m -> assertThat(m).contains("alpha must be at least 0 and below 1 but was 1.0"),
            m -> assertThat(m).contains("use a beta below 1"),
            m ->
                assertThat(m)
                    .contains("1 / tau = sigmoid(w)")
                    .contains("LIF with tau_mem 1.4426950408889634"));
  }

  private static final String LIF_NODE =
      """
      LIFNode(
          v_threshold=1.0, v_reset=0.0, detach_reset=False, step_mode=s, backend=torch, tau=2.0
          (surrogate_function): Sigmoid(alpha=4.0, spiking=True)
        )\
      """;

  @Test
  void readsNeuronsOfSnnTorchAndSpikingJelly() {
    var leaky =
        (NeuronSpec.LIF)
            neurons("Leaky(beta=0.9, threshold=0.5, reset_mechanism='zero', reset_delay=False)");
    assertThat(Math.exp(-1 / leaky.tauMem().uniform())).isCloseTo(0.9, within(1e-12));
    assertThat(leaky.spikeThreshold()).isEqualTo(Constant.of(0.5));
    assertThat(leaky.normInput()).isFalse();
    assertThat(leaky.spikeFn()).isEqualTo(SpikeFn.SINGLE);
    assertThat(leaky.resetFn()).isEqualTo(ResetFn.RESET);
    assertThat(leaky.trainConstants()).isFalse();
    var delayed =
        (NeuronSpec.LIF)
            neurons("Leaky(beta=0.8, threshold=0.4, reset_mechanism=subtract, reset_delay=True)");
    assertThat(delayed.resetFn()).isEqualTo(new ResetFn(ResetFn.Kind.SUBTRACT, 0.5));
    assertThat(delayed.detachReset()).isTrue();

    var lif = (NeuronSpec.LIF) neurons(LIF_NODE.replace("tau=2.0", "tau=2.0, decay_input=True"));
    assertThat(Math.exp(-1 / lif.tauMem().uniform())).isCloseTo(0.5, within(1e-12));
    assertThat(lif.normInput()).isTrue();
    assertThat(lif.resetFn()).isEqualTo(ResetFn.RESET);
    assertThat(lif.surrogateGradFn()).isEqualTo(new SurrogateSpec.Sigmoid(4.0));

    var integrate = (NeuronSpec.IAF) neurons("IFNode(v_threshold=1.0, v_reset=None, step_mode=m)");
    assertThat(integrate.spikeFn()).isEqualTo(SpikeFn.SINGLE);
    assertThat(integrate.resetFn()).isEqualTo(ResetFn.SUBTRACT);
  }

  private static LayerSpec neurons(String printed) {
    return PrintedModel.parse("Sequential(\n  (0): " + printed + "\n)", List.of(3))
        .model()
        .layers()
        .getFirst();
  }

  @Test
  void refusesWhatIsNoPrintedModel() {
    for (String text :
        List.of(
            "", ")", "hello", "Sequential(", "Sequential(\n)", "Sequential(\n  (0): Linear(\n")) {
      assertThat(mistakes(text)).as(text).isNotEmpty();
    }
  }

  @Test
  void damagedTextIsRefusedNeverObeyed() {
    for (String name :
        List.of(
            "tutorial.txt",
            "strange.txt",
            "small.txt",
            "layers.txt",
            "every.txt",
            "spikingjelly.txt")) {
      Golden.mutate(
          Golden.bytes(name),
          2_000,
          3,
          bytes ->
              PrintedModel.parse(new String(bytes, StandardCharsets.UTF_8), List.of(1, 28, 28)));
    }
  }

  private static List<Mistake> mistakes(String text) {
    return catchThrowableOfType(
            InvalidSpecException.class, () -> PrintedModel.parse(text, List.of(1, 28, 28)))
        .mistakes();
  }
}
