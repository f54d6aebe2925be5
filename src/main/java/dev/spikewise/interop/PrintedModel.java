package dev.spikewise.interop;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.layer.LayerSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * What Python prints for an {@code nn.Sequential} of sinabs and PyTorch layers. What is not printed
 * ({@code spike_fn}, {@code reset_fn}, {@code surrogate_grad_fn}, {@code rec_connect}) takes its
 * default. Sequentials within it are unfolded.
 */
public final class PrintedModel {

  private static final int MAX_LENGTH = 1 << 20;

  private static final Pattern CONTAINER = Pattern.compile("\\s*(?:\\((\\w+)\\): )?(\\w+)\\(\\s*");
  private static final Pattern LAYER =
      Pattern.compile("\\s*\\(\\w+\\): (\\w+)\\((.*)\\)\\s*", Pattern.DOTALL);
  private static final Pattern KEYWORD = Pattern.compile("(\\w+)=(.*)", Pattern.DOTALL);
  private static final Pattern TENSOR =
      Pattern.compile(
          "(?:Parameter containing:\\s*)?tensor\\(([^,()]+)(?:,\\s*requires_grad=True)?\\)");

  private static final Pattern MANY =
      Pattern.compile("(?:Parameter containing:\\s*)?tensor\\(\\[.*", Pattern.DOTALL);

  /** Arguments that PyTorch prints without their names. */
  private static final Map<String, List<String>> POSITIONAL =
      Map.of(
          "Conv2d", List.of("in_channels", "out_channels"),
          "Conv1d", List.of("in_channels", "out_channels"),
          "BatchNorm2d", List.of("num_features"));

  /** Arguments that say where a tensor lies, which is always the same here. */
  private static final Set<String> LAYOUT = Set.of("batch_size", "num_timesteps", "inplace");

  private static final String SPIKING_MAX_POOL = "SpikingMaxPooling2dLayer";

  /** A layer that prints only the PyTorch layers in it. */
  private static final Pattern WITHIN_MAX_POOL =
      Pattern.compile(
          "(?:\\(pad\\): ZeroPad2d\\(\\((\\d+), \\1, (\\d+), \\2\\)\\) )?\\(pool\\):"
              + " MaxPool2d\\((.*)\\)");

  /** Arguments that have no counterpart here, and the one value of each that needs none. */
  private static final Map<String, String> ONLY =
      Map.of(
          "norm_type",
          "1",
          "ceil_mode",
          "False",
          "start_dim",
          "1",
          "end_dim",
          "-1",
          "track_running_stats",
          "True");

  private final String[] lines;
  private final Mistakes mistakes = new Mistakes();
  private final List<LayerSpec> layers = new ArrayList<>();

  private PrintedModel(String text) {
    lines = text.lines().toArray(String[]::new);
  }

  /**
   * @param inputShape the one thing that is not printed: (C, H, W) or (features)
   * @throws InvalidSpecException naming every line that is no layer known here
   */
  public static ModelSpec parse(String text, List<Integer> inputShape) {
    if (text.length() > MAX_LENGTH) {
      throw new InvalidSpecException(
          "", "a printed model has at most " + MAX_LENGTH + " characters");
    }
    var printed = new PrintedModel(text.strip());
    printed.readLines();
    printed.mistakes.throwIfAny();
    var model = new ModelSpec(null, inputShape, printed.layers);
    model.check(printed.mistakes);
    printed.mistakes.throwIfAny();
    return model;
  }

  private void readLines() {
    int depth = 0;
    for (int i = 0; i < lines.length; i++) {
      Matcher container = CONTAINER.matcher(lines[i]);
      if (container.matches() && !container.group(2).equals(SPIKING_MAX_POOL)) {
        if (!container.group(2).equals("Sequential")) {
          add(
              i,
              container.group(2)
                  + " does not say in which order it calls its layers; print its nn.Sequential");
          return;
        }
        depth++;
      } else if (lines[i].strip().equals(")")) {
        depth--;
      } else if (depth < 1 || !lines[i].contains("(")) {
        add(i, "expected what Python prints for an nn.Sequential, found " + lines[i].strip());
        return;
      } else {
        i = readLayer(i);
      }
    }
    if (depth != 0 || layers.isEmpty() && mistakes.isEmpty()) {
      add(lines.length - 1, depth == 0 ? "there is no layer" : "the Sequential does not end here");
    }
  }

  /** Reads the layer that begins on line {@code first}; returns its last line. */
  private int readLayer(int first) {
    var text = new StringBuilder(lines[first]);
    int open = depthOf(lines[first]);
    int last = first;
    while (open > 0 && last + 1 < lines.length) {
      last++;
      text.append(' ').append(lines[last].strip());
      open += depthOf(lines[last]);
    }
    Matcher layer = LAYER.matcher(text);
    if (open == 0 && layer.matches()) {
      try {
        layers.add(SpecJson.layer(layer(layer.group(1), layer.group(2).strip())));
      } catch (JacksonException | IllegalArgumentException e) {
        add(first, layer.group(1) + ": " + SpecJson.reason(e));
      }
    } else {
      add(
          first,
          "expected a layer such as (0): Flatten(start_dim=1, end_dim=-1), found "
              + lines[first].strip());
    }
    return last;
  }

  private void add(int line, String detail) {
    mistakes.add("line " + (line + 1) + ": " + detail);
  }

  private static int depthOf(String text) {
    return (int)
        (text.chars().filter(c -> c == '(').count() - text.chars().filter(c -> c == ')').count());
  }

  /** A layer's definition in JSON, out of what stands in its brackets. */
  private static ObjectNode layer(String type, String printed) {
    if (!type.equals(SPIKING_MAX_POOL)) {
      return arguments(type, printed);
    }
    Matcher within = WITHIN_MAX_POOL.matcher(printed);
    if (!within.matches()) {
      throw new IllegalArgumentException("expected an equally padded MaxPool2d, found " + printed);
    }
    var pool = new ArrayList<>(split(within.group(3)));
    pool.removeAll(List.of("padding=0", "dilation=1"));
    ObjectNode json = arguments(type, String.join(", ", pool));
    if (within.group(1) != null) {
      json.set("padding", value("(" + within.group(2) + ", " + within.group(1) + ")"));
    }
    return json;
  }

  /** The printed arguments by their names. */
  private static ObjectNode arguments(String type, String printed) {
    ObjectNode json = SpecJson.object().put("type", type);
    List<String> unnamed = new ArrayList<>(POSITIONAL.getOrDefault(type, List.of()));
    for (String argument : split(printed)) {
      Matcher keyword = KEYWORD.matcher(argument);
      boolean named = keyword.matches();
      if (!named && unnamed.isEmpty()) {
        throw new IllegalArgumentException("what is " + argument + "?");
      }
      String name = named ? keyword.group(1) : unnamed.removeFirst();
      String text = named ? keyword.group(2).strip() : argument;
      String only = type.equals("FlattenTime") ? text : ONLY.get(name);
      if (only != null && !only.equals(text)) {
        throw new IllegalArgumentException(name + " must be " + only + ", was " + text);
      }
      if (MANY.matcher(text).matches()) {
        throw new IllegalArgumentException(
            name + " differs between neurons; a layer has one value here");
      }
      JsonNode value = only != null || LAYOUT.contains(name) ? null : value(text);
      if (value != null) {
        json.set(name, value);
      }
    }
    return json;
  }

  /** A number, truth value, tensor of one value, tuple or None (null) in Python's notation. */
  private static @Nullable JsonNode value(String text) {
    Matcher tensor = TENSOR.matcher(text);
    String plain = tensor.matches() ? tensor.group(1).strip() : text;
    if (plain.equals("None")) {
      return null;
    }
    if (plain.startsWith("(") && plain.endsWith(")")) {
      ArrayNode array = SpecJson.array();
      split(plain.substring(1, plain.length() - 1)).forEach(item -> array.add(value(item)));
      return array.size() == 1 ? array.get(0) : array;
    }
    return SpecJson.scalar(plain);
  }

  /** The parts between the commas that stand in no bracket. */
  private static List<String> split(String text) {
    var parts = new ArrayList<String>();
    int depth = 0;
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      switch (text.charAt(i)) {
        case '(', '[' -> depth++;
        case ')', ']' -> depth--;
        case ',' -> {
          if (depth == 0) {
            parts.add(text.substring(start, i).strip());
            start = i + 1;
          }
        }
        default -> {}
      }
    }
    parts.add(text.substring(start).strip());
    parts.removeIf(String::isEmpty);
    return parts;
  }
}
