package dev.spikewise.web;

import dev.spikewise.model.Limits;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Converts JSON to the record of a request and reports all mistakes at once: values that do not fit
 * the record, mistakes that the record itself reports, and exceeded limits.
 */
public final class BodyReader {

  private final JsonMapper json;
  private final TreeCheck treeCheck;
  private final Limits limits;

  public BodyReader(JsonMapper json, Limits limits) {
    this.json = json;
    this.treeCheck = new TreeCheck(json, limits.listEntries());
    this.limits = limits;
  }

  /**
   * Converts {@code tree} to a record.
   *
   * @throws dev.spikewise.problem.InvalidSpecException with all mistakes
   */
  public <T> T bind(JsonNode tree, JavaType type) {
    var mistakes = new Mistakes();
    if (!TreeCheck.hasFewEntries(tree, limits.entries(), mistakes)) {
      mistakes.throwIfAny();
    }
    if (!treeCheck.fits(tree, type, mistakes) || mistakes.isFull()) {
      mistakes.throwIfAny();
    }
    T body = json.treeToValue(tree, type);
    if (body instanceof Checked document) {
      check(document, mistakes);
    }
    limits.check(body, mistakes);
    mistakes.throwIfAny();
    return body;
  }

  /**
   * Adds the mistakes that the document reports, except those about places where a value of the
   * wrong type was removed.
   */
  private static void check(Checked document, Mistakes mistakes) {
    var misfits = mistakes.list();
    document.check(mistakes);
    mistakes.removeIf(
        found ->
            !misfits.contains(found)
                && misfits.stream().anyMatch(misfit -> misfit.isWithin(found.pointer())));
  }
}
