package dev.spikewise.dataset;

import dev.spikewise.compute.Compute;
import dev.spikewise.interop.FileMemory;
import dev.spikewise.problem.InvalidSpecException;
import java.io.InputStream;
import java.util.function.LongConsumer;

/** Limits of memory and unpacked size while the files of one data set are read. */
final class Unpacking {

  private final long maxSize;
  private final long maxUnpacked;
  private final Compute.Run run;
  private long unpacked;

  /**
   * @param maxSize maximum memory of the samples in bytes
   * @param maxUnpacked maximum unpacked size of all files of an archive in bytes
   * @param run computation that can be stopped and that accounts for memory
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

  /** Reserves memory for the rest of the request; throws when the request has to end. */
  void reserve(long bytes) {
    run.run();
    run.reserve(bytes);
  }

  /** Releases reserved memory that is no longer used. */
  void release(long bytes) {
    run.release(bytes);
  }

  /** Memory limits for reading one more file of an archive. */
  FileMemory memory(LongConsumer reserve) {
    return new FileMemory(maxUnpacked - unpacked, reserve);
  }

  /** Counts the bytes read from {@code in}, a file of an archive, and throws at the limit. */
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
