package dev.spikewise.spec;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a user names and labels as they like. */
public interface Labelled {

  @Nullable String name();

  @Nullable Map<String, String> labels();
}
