package dev.spikewise.interop;

import io.jhdf.HdfFile;
import io.jhdf.api.Dataset;
import io.jhdf.api.dataset.ChunkedDataset;
import io.jhdf.filter.BitShuffleFilter;
import io.jhdf.filter.DeflatePipelineFilter;
import io.jhdf.filter.Filter;
import io.jhdf.filter.FilterManager;
import io.jhdf.filter.Lz4Filter;
import io.jhdf.filter.LzfFilter;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * Reads HDF5 files with a limit on the unpacked size of compressed chunks. jhdf itself unpacks
 * every chunk without a limit, on threads of the common pool.
 */
public final class BoundedHdf5 {

  private static final int BUFFER = 1 << 16;

  /** Index of the compression in the options of Bitshuffle: 0 for none, 2 for LZ4. */
  private static final int BITSHUFFLE_COMPRESSION = 4;

  /** Index of the chunk size in the options of LZF. */
  private static final int LZF_SIZE = 2;

  /** Limit for the current thread. */
  private static final ThreadLocal<Limit> LIMIT = ThreadLocal.withInitial(Limit::none);

  static {
    FilterManager.addFilter(new Inflating());
    FilterManager.addFilter(new Counting(new LzfFilter(), BoundedHdf5::lzf));
    FilterManager.addFilter(new Counting(new Lz4Filter(), (packed, _) -> lz4(packed)));
    FilterManager.addFilter(
        new Counting(
            new BitShuffleFilter(),
            (packed, options) ->
                options.length > BITSHUFFLE_COMPRESSION && options[BITSHUFFLE_COMPRESSION] != 0
                    ? lz4(packed)
                    : packed.length));
  }

  private static final class Limit {

    private final LongConsumer reserve;
    private long left;
    private long chunk = Long.MAX_VALUE;
    private @Nullable RuntimeException refused;

    Limit(long left, LongConsumer reserve) {
      this.left = left;
      this.reserve = reserve;
    }

    static Limit none() {
      return new Limit(Long.MAX_VALUE, _ -> {});
    }

    void take(long bytes) {
      try {
        if (bytes > left) {
          throw new IllegalArgumentException(
              "its compressed chunks unpack to more than the "
                  + (left >> 20)
                  + " MiB that are left for the file");
        }
        reserve.accept(bytes);
        left -= bytes;
      } catch (RuntimeException e) {
        // jhdf wraps what its filters throw.
        refused = e;
        throw e;
      }
    }

    void requireWithinChunk(long bytes) {
      if (bytes > chunk) {
        refused =
            new IllegalArgumentException(
                "has a compressed chunk that unpacks to more than its declared "
                    + chunk
                    + " bytes");
        throw refused;
      }
    }
  }

  private BoundedHdf5() {}

  /**
   * Applies {@code reader} to a file and returns its result.
   *
   * @param memory limits of all compressed chunks that {@code reader} reads
   * @throws IllegalArgumentException when the limit is exceeded
   */
  public static <T> T read(byte[] file, FileMemory memory, Function<HdfFile, T> reader) {
    var limit = new Limit(memory.maxUnpacked(), memory.reserve());
    var result = new CompletableFuture<T>();
    // jhdf unpacks chunks in a parallel stream, which runs in the pool of the thread that starts
    // it: here a pool of one thread.
    try (var thread = new ForkJoinPool(1)) {
      thread
          .submit(
              () -> {
                LIMIT.set(limit);
                try (var hdf = HdfFile.fromBytes(file)) {
                  result.complete(reader.apply(hdf));
                } catch (RuntimeException | Error e) {
                  result.completeExceptionally(limit.refused == null ? e : limit.refused);
                }
              })
          .join();
    }
    return switch (result.state()) {
      case SUCCESS -> result.resultNow();
      case RUNNING, CANCELLED -> throw new IllegalStateException("the file was not read");
      case FAILED ->
          throw switch (result.exceptionNow()) {
            case Error e -> throw e;
            case RuntimeException e -> e;
            case Throwable e -> new IllegalStateException(e);
          };
    };
  }

  /**
   * Reads an array and checks that no chunk unpacks to more than the declared chunk size.
   *
   * @throws IllegalArgumentException when a chunk does; exceptions of {@code memory} are passed on
   */
  public static <T> T within(Dataset dataset, Supplier<T> reading) {
    var limit = LIMIT.get();
    long before = limit.chunk;
    limit.chunk = chunkBytes(dataset);
    try {
      return reading.get();
    } catch (RuntimeException e) {
      var refused = limit.refused;
      limit.refused = null;
      throw refused == null ? e : refused;
    } finally {
      limit.chunk = before;
    }
  }

  private static long chunkBytes(Dataset dataset) {
    if (!(dataset instanceof ChunkedDataset chunked)) {
      return Long.MAX_VALUE;
    }
    long bytes = Math.max(1, dataset.getDataType().getSize());
    for (int size : chunked.getChunkDimensions()) {
      bytes = Math.multiplyExact(bytes, size);
    }
    return bytes;
  }

  private static void take(long bytes) {
    LIMIT.get().take(bytes);
  }

  /** Size of a chunk in bytes that its options declare, which the filter allocates. */
  private static long lzf(byte[] packed, int[] options) {
    return options.length > LZF_SIZE ? Integer.toUnsignedLong(options[LZF_SIZE]) : 0;
  }

  /**
   * Sizes of the chunk and of one block, read from the header of the chunk; the filter allocates
   * both.
   */
  private static long lz4(byte[] packed) {
    if (packed.length < Long.BYTES + Integer.BYTES) {
      return 0;
    }
    var head = ByteBuffer.wrap(packed);
    long chunk = head.getLong();
    long block = Integer.toUnsignedLong(head.getInt());
    return chunk < 0 || chunk > Integer.MAX_VALUE ? Integer.MAX_VALUE : chunk + 2 * block;
  }

  /** Inflates a chunk and stops at the limit. */
  private static final class Inflating implements Filter {

    @Override
    public int getId() {
      return DeflatePipelineFilter.ID;
    }

    @Override
    public String getName() {
      return "deflate";
    }

    @Override
    public byte[] decode(byte[] packed, int[] options) {
      var unpacked = new ByteArrayOutputStream(BUFFER);
      var buffer = new byte[BUFFER];
      try (var inflater = new Inflater()) {
        inflater.setInput(packed);
        long total = 0;
        while (!inflater.finished()) {
          int n = inflater.inflate(buffer);
          if (n == 0) {
            throw new IllegalArgumentException(
                "a compressed chunk is damaged: write the file again");
          }
          total += n;
          LIMIT.get().requireWithinChunk(total);
          take(n);
          unpacked.write(buffer, 0, n);
        }
      } catch (DataFormatException e) {
        throw new IllegalArgumentException(
            "a compressed chunk is damaged: write the file again", e);
      }
      return unpacked.toByteArray();
    }

    @Override
    public byte[] encode(byte[] data, int[] options) {
      return new DeflatePipelineFilter().encode(data, options);
    }
  }

  /** Bytes that a filter allocates for a chunk. */
  private interface Size {
    long of(byte[] packed, int[] options);
  }

  /** Counts the declared size of a chunk before the filter allocates it. */
  private record Counting(Filter filter, Size size) implements Filter {

    @Override
    public int getId() {
      return filter.getId();
    }

    @Override
    public String getName() {
      return filter.getName();
    }

    @Override
    public byte[] decode(byte[] packed, int[] options) {
      take(size.of(packed, options));
      return filter.decode(packed, options);
    }
  }
}
