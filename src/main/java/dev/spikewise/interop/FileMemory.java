package dev.spikewise.interop;

import java.util.function.LongConsumer;

/**
 * Memory limits for reading a file, which can need far more memory than the file's size.
 *
 * @param maxUnpacked maximum total unpacked size of compressed parts of the file in bytes
 * @param reserve called with a number of bytes before they are allocated; throws to refuse them
 */
public record FileMemory(long maxUnpacked, LongConsumer reserve) {

  public static final FileMemory UNLIMITED = new FileMemory(Long.MAX_VALUE, _ -> {});

  /** Throws when reading has to stop. */
  public void check() {
    reserve.accept(0);
  }
}
