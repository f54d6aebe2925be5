package dev.spikewise.interop.events;

/**
 * N-MNIST and N-Caltech101 (Orchard et al. 2015, doi:10.3389/fnins.2015.00437): five bytes per
 * event, x, y, then one bit of polarity and 23 of time in microseconds, big-endian.
 */
final class AtisBin {

  private static final int BYTES_PER_EVENT = 5;

  /** A row that the sensor does not have marks an overflow of its 13-bit clock. */
  private static final int OVERFLOW_ROW = 240;

  private static final int OVERFLOW_TIME = 1 << 13;

  private AtisBin() {}

  static EventRecording read(byte[] file, EventOptions options) {
    if (file.length % BYTES_PER_EVENT != 0) {
      throw new IllegalArgumentException(
          "it is truncated, or not a recording of N-MNIST or N-Caltech101: its %d bytes are not a whole number of events of %d bytes"
              .formatted(file.length, BYTES_PER_EVENT));
    }
    EventOptions.requireFew(file.length / BYTES_PER_EVENT);
    var events = new Columns.Builder(options);
    long overflow = 0;
    for (int at = 0; at < file.length; at += BYTES_PER_EVENT) {
      int y = file[at + 1] & 0xff;
      if (y == OVERFLOW_ROW) {
        overflow += OVERFLOW_TIME;
        continue;
      }
      events.add(
          file[at] & 0xff,
          y,
          file[at + 2] >> 7 & 1,
          overflow
              + ((file[at + 2] & 0x7f) << 16 | (file[at + 3] & 0xff) << 8 | file[at + 4] & 0xff));
    }
    return events.build(null);
  }
}
