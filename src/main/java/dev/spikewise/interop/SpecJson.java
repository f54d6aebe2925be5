package dev.spikewise.interop;

import dev.spikewise.json.ModelModule;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.layer.LayerSpec;
import java.util.function.DoubleUnaryOperator;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.exc.InvalidTypeIdException;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Builds layers in the JSON of model definitions, to which other formats are converted. */
public final class SpecJson {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .addModule(new ModelModule())
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private static final Pattern INTEGER = Pattern.compile("-?\\d{1,9}");
  private static final Pattern NUMBER =
      Pattern.compile("-?\\d{1,20}\\.?\\d{0,20}(?:e[+-]?\\d{1,3})?");

  private SpecJson() {}

  public static ObjectNode object() {
    return JSON.createObjectNode();
  }

  static ArrayNode array() {
    return JSON.createArrayNode();
  }

  /** Python's True and False, a number, or text. */
  static JsonNode scalar(String text) {
    var nodes = JSON.getNodeFactory();
    if (text.equals("True") || text.equals("False")) {
      return nodes.booleanNode(text.equals("True"));
    }
    if (INTEGER.matcher(text).matches()) {
      return nodes.numberNode(Integer.parseInt(text));
    }
    if (NUMBER.matcher(text).matches()) {
      return nodes.numberNode(Double.parseDouble(text));
    }
    return nodes.stringNode(text);
  }

  public static JsonNode text(String text) {
    return JSON.getNodeFactory().stringNode(text);
  }

  /** JSON of a number, text, list or map. */
  public static JsonNode value(Object value) {
    return JSON.valueToTree(value);
  }

  public static LayerSpec layer(ObjectNode json) {
    return JSON.treeToValue(json, LayerSpec.class);
  }

  public static ObjectNode json(LayerSpec layer) {
    return JSON.valueToTree(layer);
  }

  /** Sets a constant: a number when {@code tensor} has no dimensions, otherwise a list. */
  public static void put(ObjectNode json, String name, Tensor tensor, DoubleUnaryOperator change) {
    if (tensor.shape().length == 0) {
      json.put(name, change.applyAsDouble(tensor.data()[0]));
      return;
    }
    ArrayNode list = json.putArray(name);
    for (float value : tensor.data()) {
      list.add(change.applyAsDouble(value));
    }
  }

  public static JsonNode read(String json) {
    return JSON.readTree(json);
  }

  public static String write(JsonNode json) {
    return JSON.writeValueAsString(json);
  }

  /** Reason why a layer could not be read, for users. */
  static String reason(RuntimeException e) {
    return switch (e) {
      case InvalidTypeIdException unknown -> "layers of this type are not supported";
      case UnrecognizedPropertyException unknown -> "has no option " + unknown.getPropertyName();
      case JacksonException unreadable when unreadable.getCause() != null ->
          String.valueOf(unreadable.getCause().getMessage());
      case JacksonException unreadable -> String.valueOf(unreadable.getOriginalMessage());
      default -> String.valueOf(e.getMessage());
    };
  }
}
