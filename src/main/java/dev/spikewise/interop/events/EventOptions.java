package dev.spikewise.interop.events;

import dev.spikewise.interop.FileMemory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Properties of a recording that the file does not state.
 *
 * @param timeUnit unit of the times; derived from the file when null
 * @param columns names of the columns of an array without names, a permutation of x, y, p, t;
 *     derived from the values when null
 * @param height rows of the camera
 * @param width columns of the camera
 * @param memory memory limits for reading the file
 */
public record EventOptions(
    @Nullable TimeUnit timeUnit,
    @Nullable List<String> columns,
    int height,
    int width,
    FileMemory memory) {

  /** Maximum number of events; recordings of several minutes have fewer. */
  static final int MAX_EVENTS = 1 << 23;

  /** Bytes of memory per event, including its columns and sorting. */
  private static final int BYTES_PER_EVENT = 80;

  /**
   * Reserves memory for this number of further events.
   *
   * @throws IllegalArgumentException when the recording would exceed the maximum number of events
   */
  int events(long events) {
    requireFew(events);
    memory.reserve().accept(BYTES_PER_EVENT * events);
    return (int) events;
  }

  static void requireFew(long events) {
    if (events > MAX_EVENTS) {
      throw new IllegalArgumentException(
          events + " events are more than the " + MAX_EVENTS + " that a recording may have");
    }
  }
}
