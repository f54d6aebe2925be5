package dev.spikewise.json;

import dev.spikewise.spec.Node;
import dev.spikewise.spec.layer.LayerSpec;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;
import tools.jackson.databind.module.SimpleModule;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads and writes a {@link Node} as one object with the options of its layer and, if given, {@code
 * name} and {@code inputs}. Jackson cannot unwrap a polymorphic type.
 */
public final class ModelModule extends SimpleModule {

  private static final String TYPE = "type";
  private static final String NAME = "name";
  private static final String INPUTS = "inputs";

  public ModelModule() {
    super(ModelModule.class.getSimpleName());
    addDeserializer(Node.class, new Reader());
    addSerializer(Node.class, new Writer());
  }

  private static final class Reader extends ValueDeserializer<Node> {
    @Override
    public Node deserialize(JsonParser parser, DeserializationContext context) {
      JsonNode tree = context.readTree(parser);
      String name = null;
      List<String> inputs = null;
      if (tree instanceof ObjectNode object) {
        name = context.readTreeAsValue(removed(object, NAME), String.class);
        String[] given = context.readTreeAsValue(removed(object, INPUTS), String[].class);
        inputs = given == null ? null : Arrays.asList(given);
      }
      return new Node(name, inputs, context.readTreeAsValue(tree, LayerSpec.class));
    }

    private static JsonNode removed(ObjectNode object, String property) {
      JsonNode value = object.remove(property);
      return value == null ? object.nullNode() : value;
    }
  }

  private static final class Writer extends ValueSerializer<Node> {
    @Override
    public void serialize(Node node, JsonGenerator out, SerializationContext context) {
      ObjectNode layer = context.valueToTree(node.layer());
      out.writeStartObject();
      for (var property : layer.properties()) {
        write(property.getKey(), property.getValue(), out, context);
        if (property.getKey().equals(TYPE)) {
          write(NAME, node.name(), out, context);
          write(INPUTS, node.inputs(), out, context);
        }
      }
      out.writeEndObject();
    }

    private static void write(
        String name, @Nullable Object value, JsonGenerator out, SerializationContext context) {
      if (value != null) {
        out.writeName(name);
        context.writeValue(out, value);
      }
    }
  }
}
