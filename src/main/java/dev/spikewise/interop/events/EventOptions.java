package dev.spikewise.interop.events;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a file does not say about itself.
 *
 * @param timeUnit unit of the times; derived from the file when null
 * @param columns names of the columns of an array without names, a permutation of x, y, p, t;
 *     derived from the values when null
 * @param height rows of the camera
 * @param width columns of the camera
 */
public record EventOptions(
    @Nullable TimeUnit timeUnit, @Nullable List<String> columns, int height, int width) {}
