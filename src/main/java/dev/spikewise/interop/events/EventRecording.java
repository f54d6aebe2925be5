package dev.spikewise.interop.events;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One recording of an event camera or of spike trains, sorted by time.
 *
 * @param x column of each event
 * @param y row of each event
 * @param polarity 1 where the pixel became brighter, 0 where it became darker
 * @param t time of each event in microseconds, not decreasing
 * @param start time at which the recording starts, in microseconds
 * @param outOfOrder number of events that follow a later event in the file
 * @param unitKnown whether the unit of time is stated, by the format or by the caller
 * @param assumed properties derived from the values because the file does not state them, one
 *     sentence each
 * @param label class stated in the file; null when it states none
 */
public record EventRecording(
    int[] x,
    int[] y,
    byte[] polarity,
    long[] t,
    long start,
    int outOfOrder,
    boolean unitKnown,
    Set<String> assumed,
    @Nullable Integer label) {

  /** Number of events. */
  public int size() {
    return t.length;
  }

  EventRecording withLabel(@Nullable Integer label) {
    return new EventRecording(x, y, polarity, t, start, outOfOrder, unitKnown, assumed, label);
  }
}
