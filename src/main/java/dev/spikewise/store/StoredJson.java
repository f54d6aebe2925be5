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
 * Documents in text columns, as the same JSON that the API speaks. The limits of a request do not
 * apply: a limit that is lowered must not make unreadable what was accepted before.
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

  /** A stored document that is not the JSON of its type. */
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
   * @throws Unreadable where {@code json} is no JSON, or not that of a {@code type}
   */
  public <T> T read(String json, Class<T> type) {
    try (var parser = unlimited.createParser(ObjectReadContext.empty(), json)) {
      return mapper.readValue(parser, type);
    } catch (JacksonException e) {
      throw new Unreadable(type, e);
    }
  }

  /**
   * @throws Unreadable where {@code json} is no JSON
   */
  public JsonNode tree(String json) {
    return read(json, JsonNode.class);
  }

  /** The record that {@code tree} is. */
  public <T> T value(JsonNode tree, Class<T> type) {
    try {
      return mapper.treeToValue(tree, type);
    } catch (JacksonException e) {
      throw new Unreadable(type, e);
    }
  }

  /** What {@link #write} writes, as a tree. */
  public <T extends JsonNode> T toTree(@Nullable Object value) {
    return mapper.valueToTree(value);
  }
}
