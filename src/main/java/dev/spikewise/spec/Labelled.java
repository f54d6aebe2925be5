package dev.spikewise.spec;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A resource with a user-defined name and labels. */
public interface Labelled {

  @Nullable String name();

  @Nullable Map<String, String> labels();
}
