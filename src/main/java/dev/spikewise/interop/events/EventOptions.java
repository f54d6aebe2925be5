package dev.spikewise.interop.events;

import dev.spikewise.interop.FileMemory;
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
 * @param memory what reading the file may take
 */
public record EventOptions(
    @Nullable TimeUnit timeUnit,
    @Nullable List<String> columns,
    int height,
    int width,
    FileMemory memory) {

  /** Recordings of minutes have fewer events. */
  static final int MAX_EVENTS = 1 << 23;

  /** Memory of an event as columns, as a recording and while it is sorted. */
  private static final int BYTES_PER_EVENT = 80;

  /**
   * Reserves memory for this number of further events.
   *
   * @throws IllegalArgumentException where the recording would exceed its maximum number of events
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
