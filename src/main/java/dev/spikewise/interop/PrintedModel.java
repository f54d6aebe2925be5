package dev.spikewise.interop;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Node;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Parses the printed form of a Python network of PyTorch, sinabs, SpikingJelly or snnTorch layers.
 * Options that are not printed ({@code spike_fn}, {@code reset_fn}, {@code surrogate_grad_fn},
 * {@code rec_connect}) get their defaults, except those without which the neurons would compute
 * something else: these must be added to the text. Nested containers are flattened.
 */
public final class PrintedModel {

  private static final int MAX_LENGTH = 1 << 20;
  private static final int MAX_LAYERS = 10_000;

  /** Modules that call their children one after the other. */
  private static final Set<String> SEQUENCES =
      Set.of("Sequential", "SeqToANNContainer", "MultiStepContainer", "StepModeContainer");

  private static final Pattern KEYWORD = Pattern.compile("(\\w+)=(.*)", Pattern.DOTALL);
  private static final Pattern TENSOR =
      Pattern.compile(
          "(?:Parameter"
              + " containing:\\s*)?tensor\\(([^()'<>=]*?)(?:,\\s*(?:device='[\\w:]+'|dtype=[\\w.]+|requires_grad=True|grad_fn=<\\w+>|size=\\([\\d,"
              + " ]*\\)))*\\)");

  /** Arguments that PyTorch prints without their names. */
  private static final Map<String, List<String>> POSITIONAL =
      Map.of(
          "Conv2d", List.of("in_channels", "out_channels"),
          "Conv1d", List.of("in_channels", "out_channels"),
          "ConvTranspose2d", List.of("in_channels", "out_channels"),
          "BatchNorm1d", List.of("num_features"),
          "BatchNorm2d", List.of("num_features"),
          "LayerNorm", List.of("normalized_shape"),
          "GroupNorm", List.of("num_groups", "num_channels"));

  /**
   * Arguments without an effect here: memory layout of tensors, and the way SpikingJelly runs a
   * layer.
   */
  private static final Set<String> LAYOUT =
      Set.of("batch_size", "num_timesteps", "inplace", "step_mode");

  private static final String SPIKING_MAX_POOL = "SpikingMaxPooling2dLayer";

  /** SpikingJelly's surrogate functions: type here, and name of {@code alpha} here. */
  private static final Map<String, List<String>> SURROGATES =
      Map.of("Sigmoid", List.of("sigmoid", "slope"), "ATan", List.of("atan", "alpha"));

  /** Arguments without a counterpart here, with their only supported value. */
  private static final Map<String, String> ONLY =
      Map.of("norm_type", "1", "track_running_stats", "True");

  private final Mistakes mistakes = new Mistakes();
  private final List<Node> layers = new ArrayList<>();
  private final List<String> assumptions = new ArrayList<>();

  private PrintedModel() {}

  /**
   * A network and the assumptions made while parsing it.
   *
   * @param assumptions assumptions with their line, one sentence each; may be empty
   */
  public record Parsed(ModelSpec model, List<String> assumptions) {}

  /**
   * @param inputShape input shape, which Python does not print: (C, H, W) or (features)
   * @throws InvalidSpecException naming every line that is not a supported layer
   */
  public static Parsed parse(String text, List<Integer> inputShape) {
    if (text.length() > MAX_LENGTH) {
      throw new InvalidSpecException(
          "", "a printed model has at most " + MAX_LENGTH + " characters");
    }
    var printed = new PrintedModel();
    try {
      printed.readContainer(PrintedModule.parse(text.strip()));
    } catch (PrintedModule.SyntaxException e) {
      printed.add(e.line, String.valueOf(e.getMessage()));
    }
    printed.mistakes.throwIfAny();
    var model = new ModelSpec(null, inputShape, printed.layers, null);
    model.check(printed.mistakes);
    if (!printed.mistakes.isEmpty()) {
      printed.assumptions.forEach(printed.mistakes::add);
    }
    printed.mistakes.throwIfAny();
    return new Parsed(model, List.copyOf(printed.assumptions));
  }

  private void readContainer(PrintedModule outermost) {
    if (isLayer(outermost)) {
      add(
          outermost.line(),
          "expected the printed form of an nn.Sequential but found " + outermost.type());
      return;
    }
    read(outermost, "");
    if (layers.isEmpty() && mistakes.isEmpty()) {
      add(outermost.line(), "there is no layer in " + outermost.type());
    }
  }

  private static boolean isLayer(PrintedModule module) {
    return module.type().equals(SPIKING_MAX_POOL)
        || PrintedNeurons.TYPES.contains(module.type())
        || module.children().isEmpty() && !SEQUENCES.contains(module.type());
  }

  /**
   * @param path the module's name in PyTorch: those of the modules it is in and its own, between
   *     dots; empty for the outermost
   */
  private void read(PrintedModule module, String path) {
    if (layers.size() >= MAX_LAYERS) {
      throw new PrintedModule.SyntaxException(
          module.line(), "there are more than " + MAX_LAYERS + " layers");
    }
    if (isLayer(module)) {
      readLayer(module, path);
      return;
    }
    List<PrintedModule> children = module.children();
    if (SEQUENCES.contains(module.type())) {
      children.forEach(child -> read(child, join(path, child)));
    } else if (IntStream.range(0, children.size())
        .allMatch(i -> children.get(i).name().equals(Integer.toString(i)))) {
      assume(module, "was taken as a sequence, because its children are numbered");
      children.forEach(child -> read(child, join(path, child)));
    } else if (children.size() == 1 && !isLayer(children.getFirst())) {
      assume(module, "was taken as " + children.getFirst().name() + ", its only child");
      // A prefix common to all names of a state_dict makes no difference.
      read(children.getFirst(), path.isEmpty() ? "" : join(path, children.getFirst()));
    } else {
      add(
          module.line(),
          module.type()
              + " does not say in which order it calls its layers; print its nn.Sequential, or send"
              + " the network as JSON or NIR, where branches can be described");
    }
  }

  private static String join(String path, PrintedModule child) {
    return path.isEmpty() ? child.name() : path + "." + child.name();
  }

  private void assume(PrintedModule module, String what) {
    String line = "line " + module.line() + ": " + module.type() + " " + what;
    if (!assumptions.contains(line)) {
      assumptions.add(line);
    }
  }

  private void readLayer(PrintedModule module, String path) {
    try {
      String name = path.equals(Integer.toString(layers.size())) ? null : path;
      layers.add(new Node(name, null, SpecJson.layer(layer(module))));
    } catch (JacksonException | IllegalArgumentException e) {
      add(module.line(), module.type() + ": " + SpecJson.reason(e));
    }
  }

  private void add(int line, String detail) {
    mistakes.add("line " + line + ": " + detail);
  }

  private static ObjectNode layer(PrintedModule module) {
    if (module.type().equals(SPIKING_MAX_POOL)) {
      return spikingMaxPool(module);
    }
    if (PrintedNeurons.TYPES.contains(module.type())) {
      var options = new LinkedHashMap<String, JsonNode>();
      for (String argument : module.arguments()) {
        Matcher keyword = KEYWORD.matcher(argument);
        if (!keyword.matches()) {
          throw new IllegalArgumentException(
              "does not support the argument " + argument + ": remove it");
        }
        JsonNode value = value(keyword.group(1), keyword.group(2).strip());
        options.put(keyword.group(1), value == null ? NullNode.getInstance() : value);
      }
      return PrintedNeurons.layer(module.type(), options, surrogate(module));
    }
    return arguments(module.type(), module.arguments());
  }

  private static @Nullable ObjectNode surrogate(PrintedModule neurons) {
    for (PrintedModule child : neurons.children()) {
      List<String> ours = SURROGATES.get(child.type());
      if (ours != null) {
        JsonNode alpha = arguments(child.type(), child.arguments()).get("alpha");
        ObjectNode json = SpecJson.object().put("type", ours.getFirst());
        if (alpha != null) {
          json.set(ours.getLast(), alpha);
        }
        return json;
      }
    }
    return null;
  }

  /** sinabs' SpikingMaxPooling2dLayer prints only the PyTorch layers that it contains. */
  private static ObjectNode spikingMaxPool(PrintedModule module) {
    JsonNode padding = null;
    PrintedModule pool = null;
    for (PrintedModule child : module.children()) {
      if (child.type().equals("ZeroPad2d")
          && value("padding", String.join(", ", child.arguments())) instanceof ArrayNode pad
          && pad.size() == 4
          && pad.get(0).equals(pad.get(1))
          && pad.get(2).equals(pad.get(3))) {
        padding = SpecJson.array().add(pad.get(2)).add(pad.get(0));
      } else if (child.type().equals("MaxPool2d")) {
        pool = child;
      } else {
        throw new IllegalArgumentException(
            "expected a MaxPool2d with equal padding on all sides but found " + child.type());
      }
    }
    if (pool == null) {
      throw new IllegalArgumentException(
          "expected a MaxPool2d with equal padding on all sides but found none");
    }
    var arguments = new ArrayList<>(pool.arguments());
    arguments.removeAll(List.of("padding=0", "dilation=1", "ceil_mode=False"));
    ObjectNode json = arguments(module.type(), arguments);
    if (padding != null) {
      json.set("padding", padding);
    }
    return json;
  }

  /** The printed arguments by their names. */
  private static ObjectNode arguments(String type, List<String> printed) {
    ObjectNode json = SpecJson.object().put("type", type);
    List<String> unnamed = new ArrayList<>(POSITIONAL.getOrDefault(type, List.of()));
    for (String argument : printed) {
      Matcher keyword = KEYWORD.matcher(argument);
      boolean named = keyword.matches();
      if (!named && unnamed.isEmpty()) {
        throw new IllegalArgumentException(
            "does not support the argument " + argument + ": remove it");
      }
      String name = named ? keyword.group(1) : unnamed.removeFirst();
      String text = named ? keyword.group(2).strip() : argument;
      String only = type.equals("FlattenTime") ? text : ONLY.get(name);
      if (only != null && !only.equals(text)) {
        throw new IllegalArgumentException(name + " must be " + only + " but was " + text);
      }
      JsonNode value = only != null || LAYOUT.contains(name) ? null : value(name, text);
      if (value != null) {
        json.set(name, value);
      }
    }
    return json;
  }

  /** A number, truth value, tensor of one value, tuple or None (null) in Python's notation. */
  private static @Nullable JsonNode value(String name, String text) {
    Matcher tensor = TENSOR.matcher(text);
    if (tensor.matches()) {
      return elements(name, tensor.group(1).strip());
    }
    if (text.equals("None")) {
      return null;
    }
    if (text.startsWith("(") && text.endsWith(")")) {
      ArrayNode array = SpecJson.array();
      for (String item : text.substring(1, text.length() - 1).split(",")) {
        if (!item.isBlank()) {
          array.add(value(name, item.strip()));
        }
      }
      return array.size() == 1 ? array.get(0) : array;
    }
    return SpecJson.scalar(text);
  }

  /** The single value of a tensor, or all its values in order when they differ. */
  private static JsonNode elements(String name, String elements) {
    if (!elements.startsWith("[")) {
      return SpecJson.scalar(elements);
    }
    if (elements.contains("...")) {
      throw new IllegalArgumentException(
          name + " is not printed in full; send it as numbers in the model's JSON definition");
    }
    List<String> values = List.of(elements.replaceAll("[\\[\\]\\s]", "").split(","));
    if (values.stream().distinct().count() == 1) {
      return SpecJson.scalar(values.getFirst());
    }
    ArrayNode array = SpecJson.array();
    values.forEach(value -> array.add(SpecJson.scalar(value)));
    return array;
  }
}
