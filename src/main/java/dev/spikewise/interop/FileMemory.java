package dev.spikewise.interop;

import java.util.function.LongConsumer;

/**
 * Memory that reading a file may take, which can be far more than the file's own size.
 *
 * @param maxUnpacked bytes that compressed parts of the file may unpack to, together
 * @param reserve called with a number of bytes before they are allocated; throws to refuse them
 */
public record FileMemory(long maxUnpacked, LongConsumer reserve) {

  public static final FileMemory UNLIMITED = new FileMemory(Long.MAX_VALUE, _ -> {});

  /** Asks whether reading may go on; throws where it may not. */
  public void check() {
    reserve.accept(0);
  }
}
