package dev.spikewise.store;

import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;
import tools.jackson.core.JacksonException;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads and writes JSON documents in text columns, in the format of the API. Request limits do not
 * apply, so that lowering a limit does not make stored documents unreadable.
 */
@Component
public class StoredJson {

  private final JsonMapper mapper;
  private final JsonFactory unlimited =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxDocumentLength(-1)
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .maxNestingDepth(10_000)
                  .build())
          .build();

  public StoredJson(JsonMapper mapper) {
    this.mapper = mapper;
  }

  /** A stored document is damaged or is not of the expected type. */
  public static final class Unreadable extends RuntimeException {
    public Unreadable(String message) {
      super(message);
    }

    Unreadable(Class<?> type, JacksonException cause) {
      super(
          "the stored " + type.getSimpleName() + " cannot be read: " + cause.getOriginalMessage(),
          cause);
    }
  }

  public String write(Object value) {
    return mapper.writeValueAsString(value);
  }

  /**
   * @throws Unreadable when {@code json} is not valid JSON or does not describe a {@code type}
   */
  public <T> T read(String json, Class<T> type) {
    try (var parser = unlimited.createParser(ObjectReadContext.empty(), json)) {
      return mapper.readValue(parser, type);
    } catch (JacksonException e) {
      throw new Unreadable(type, e);
    }
  }

  /**
   * @throws Unreadable when {@code json} is not valid JSON
   */
  public JsonNode tree(String json) {
    return read(json, JsonNode.class);
  }

  /** Converts {@code tree} to a record. */
  public <T> T value(JsonNode tree, Class<T> type) {
    try {
      return mapper.treeToValue(tree, type);
    } catch (JacksonException e) {
      throw new Unreadable(type, e);
    }
  }

  /** Converts a value to the tree of the JSON that {@link #write} writes. */
  public <T extends JsonNode> T toTree(@Nullable Object value) {
    return mapper.valueToTree(value);
  }
}
