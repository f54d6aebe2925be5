package dev.spikewise.model;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a list of models is narrowed to; an empty map or null narrows nothing.
 *
 * @param name the whole name
 * @param search part of the name, in upper or lower case
 * @param source id of the job or model that they came from
 */
public record ModelFilter(
    Map<String, String> labels,
    @Nullable String name,
    @Nullable String search,
    @Nullable String source) {

  public static final ModelFilter ALL = new ModelFilter(Map.of(), null, null, null);
}
