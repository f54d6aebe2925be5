package dev.spikewise.dataset;

import dev.spikewise.compute.Compute;
import dev.spikewise.interop.FileMemory;
import dev.spikewise.problem.InvalidSpecException;
import java.io.InputStream;
import java.util.function.LongConsumer;

/** Bounds on what the files of one data set become when they are read. */
final class Unpacking {

  private final long maxSize;
  private final long maxUnpacked;
  private final Compute.Run run;
  private long unpacked;

  /**
   * @param maxSize bytes of memory that the samples may take
   * @param maxUnpacked bytes that all files of an archive may unpack to
   * @param run can end the reading, and gives memory
   */
  Unpacking(long maxSize, long maxUnpacked, Compute.Run run) {
    this.maxSize = maxSize;
    this.maxUnpacked = maxUnpacked;
    this.run = run;
  }

  static Unpacking unlimited(Compute.Run run) {
    return new Unpacking(Long.MAX_VALUE, Long.MAX_VALUE, run);
  }

  long maxSize() {
    return maxSize;
  }

  /** Takes memory for the rest of the request, unless the request has to end. */
  void reserve(long bytes) {
    run.run();
    run.reserve(bytes);
  }

  /** Gives back memory that was taken and is free again. */
  void release(long bytes) {
    run.release(bytes);
  }

  /** What reading one more file of an archive may take. */
  FileMemory memory(LongConsumer reserve) {
    return new FileMemory(maxUnpacked - unpacked, reserve);
  }

  /** Counts what is read from {@code in}, a file of an archive, and ends it at the limit. */
  InputStream counted(InputStream in) {
    return new CountedInput(in, this::count);
  }

  private void count(int read) {
    run.run();
    unpacked += read;
    if (unpacked > maxUnpacked) {
      throw new InvalidSpecException(
          "/events",
          ("unpacks to more than the %d MiB that an archive may hold"
                  + " (spikewise.datasets.max-unpacked): split it into several data sets.")
              .formatted(maxUnpacked >> 20));
    }
  }
}
