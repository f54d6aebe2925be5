package dev.spikewise.model;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Filter of a list of models; an empty map or null matches all models.
 *
 * @param name full name
 * @param search part of the name, case-insensitive
 * @param source id of the job or model that the model came from
 */
public record ModelFilter(
    Map<String, String> labels,
    @Nullable String name,
    @Nullable String search,
    @Nullable String source) {

  public static final ModelFilter ALL = new ModelFilter(Map.of(), null, null, null);
}
