package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Mistakes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Model to use: <code>{"id": ...}</code> for a stored one, <code>{"job": ...}</code> for the
 * network of a job with its trained weights, or a definition.
 *
 * @param id Id of a stored model; excludes all other fields.
 * @param job Id of a job whose trained weights to start from; excludes all other fields.
 * @param name Display name of the definition.
 * @param inputShape Shape of the input of the definition.
 * @param nodes Layers of the definition.
 * @param output Name of the output layer of the definition.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ModelRef(
    @Nullable String id,
    @Nullable String job,
    @Nullable String name,
    @Nullable List<Integer> inputShape,
    @JsonProperty("layers") @Nullable List<Node> nodes,
    @Nullable String output) {

  public static ModelRef of(ModelSpec model) {
    return new ModelRef(
        null, null, model.name(), model.inputShape(), model.nodes(), model.output());
  }

  public static ModelRef of(String id) {
    return new ModelRef(id, null, null, null, null, null);
  }

  public void check(Mistakes mistakes) {
    if (isDefinition()) {
      definition().check(mistakes);
    } else if (id != null && job != null
        || inputShape != null
        || nodes != null
        || name != null
        || output != null) {
      mistakes.add(
          "must be either {\"id\": ...} alone, {\"job\": ...} alone, or a definition without both");
    }
  }

  /** Whether it is a definition rather than the name of something stored. */
  @JsonIgnore
  public boolean isDefinition() {
    return id == null && job == null;
  }

  /** The definition that was sent; meaningful only where {@link #isDefinition()}. */
  @JsonIgnore
  public ModelSpec definition() {
    return new ModelSpec(
        name,
        inputShape == null ? List.of() : inputShape,
        nodes == null ? List.of() : nodes,
        output);
  }
}
