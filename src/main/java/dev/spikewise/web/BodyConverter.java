package dev.spikewise.web;

import dev.spikewise.compute.Compute;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.core.ResolvableType;
import org.springframework.core.io.Resource;
import org.springframework.http.HttpInputMessage;
import org.springframework.http.MediaType;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.http.converter.json.JacksonJsonHttpMessageConverter;
import org.springframework.stereotype.Component;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads a JSON body into a record and reports all mistakes at once: values that do not fit the
 * record, and mistakes that the record itself reports.
 */
@Component
public final class BodyConverter extends JacksonJsonHttpMessageConverter {

  /**
   * Maximum size in bytes of a body that is parsed on the request's thread, because handing it to
   * another thread would take longer.
   */
  private static final int SMALL = 16 << 10;

  /** Bytes of memory per byte of JSON once parsed to a tree; a list of short strings needs 23. */
  public static final int PARSED = 24;

  private final BodyReader reader;
  private final Limits limits;
  private final Compute compute;
  private final int maxLength;

  public BodyConverter(JsonMapper json, Limits limits, Compute compute) {
    super(json);
    this.compute = compute;
    long allowed = json.tokenStreamFactory().streamReadConstraints().getMaxDocumentLength();
    this.maxLength =
        (int) (allowed < 0 ? Integer.MAX_VALUE - 1 : Math.min(allowed, Integer.MAX_VALUE - 1));
    this.reader = new BodyReader(json, limits);
    this.limits = limits;
  }

  /**
   * Leaves byte arrays and resources to other converters, which write them as they are; this one
   * would write base64 text.
   */
  @Override
  public boolean canWrite(ResolvableType type, Class<?> valueClass, @Nullable MediaType mediaType) {
    return valueClass != byte[].class
        && !Resource.class.isAssignableFrom(valueClass)
        && super.canWrite(type, valueClass, mediaType);
  }

  /**
   * @throws dev.spikewise.problem.InvalidSpecException with all mistakes
   */
  @Override
  public Object read(
      ResolvableType type, HttpInputMessage message, @Nullable Map<String, Object> hints)
      throws IOException {
    // The body is received on the request's virtual thread, so that a slow client does not occupy a
    // thread of the pool.
    byte[] body = message.getBody().readNBytes(maxLength + 1);
    return body.length <= SMALL
        ? parse(body, type, message)
        : compute.run(
            run -> {
              run.reserve((long) PARSED * body.length);
              return parse(body, type, message);
            });
  }

  private Object parse(byte[] body, ResolvableType type, HttpInputMessage message) {
    JsonNode tree;
    try {
      tree = getMapper().readTree(body);
    } catch (JacksonException e) {
      throw new HttpMessageNotReadableException(e.getOriginalMessage(), e, message);
    }
    if (type.toClass() == MergePatch.class) {
      return patch(tree, type.getGeneric().toClass());
    }
    Object document = bind(tree, getMapper().constructType(type.getType()));
    if (document instanceof Checked && body.length > SMALL) {
      // The stored size includes defaults of properties that were left out.
      var mistakes = new Mistakes();
      limits.checkStored(getMapper().writeValueAsBytes(document).length, mistakes);
      mistakes.throwIfAny();
    }
    return document;
  }

  private <T> MergePatch<T> patch(JsonNode tree, Class<T> type) {
    if (tree instanceof ObjectNode changes) {
      return new MergePatch<>(changes, type, this, getMapper());
    }
    throw new InvalidSpecException("", "must be an object of the properties to change");
  }

  /**
   * Converts {@code tree} to a record.
   *
   * @throws dev.spikewise.problem.InvalidSpecException with all mistakes
   */
  public <T> T bind(JsonNode tree, JavaType type) {
    return reader.bind(tree, type);
  }
}
