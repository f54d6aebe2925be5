package dev.spikewise.interop;

import io.jhdf.HdfFile;
import io.jhdf.filter.BitShuffleFilter;
import io.jhdf.filter.DeflatePipelineFilter;
import io.jhdf.filter.Filter;
import io.jhdf.filter.FilterManager;
import io.jhdf.filter.Lz4Filter;
import io.jhdf.filter.LzfFilter;
import java.io.ByteArrayOutputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Reads HDF5 files whose compressed chunks may unpack to far more than the file says. jhdf unpacks
 * every chunk without a limit, and on the threads of the common pool.
 */
public final class BoundedHdf5 {

  private static final int BUFFER = 1 << 16;

  /** Told of the bytes that this thread unpacks. */
  private static final ThreadLocal<LongConsumer> UNPACKED = ThreadLocal.withInitial(() -> _ -> {});

  static {
    FilterManager.addFilter(new Inflating());
    FilterManager.addFilter(new Counting(new LzfFilter()));
    FilterManager.addFilter(new Counting(new Lz4Filter()));
    FilterManager.addFilter(new Counting(new BitShuffleFilter()));
  }

  private BoundedHdf5() {}

  /**
   * What {@code reader} makes of a file.
   *
   * @param maxUnpacked bytes that all compressed chunks it reads may unpack to
   * @param reserve told of these bytes as they are unpacked; may throw
   * @throws IllegalArgumentException beyond the limit
   */
  public static <T> T read(
      byte[] file, long maxUnpacked, LongConsumer reserve, Function<HdfFile, T> reader) {
    var left = new AtomicLong(maxUnpacked);
    LongConsumer take =
        bytes -> {
          if (left.addAndGet(-bytes) < 0) {
            throw new IllegalArgumentException("its chunks unpack to more than a file may hold");
          }
          reserve.accept(bytes);
        };
    var result = new CompletableFuture<T>();
    // The chunks of a data set are unpacked in a parallel stream, which stays in the pool that it
    // is begun in: here one thread.
    try (var thread = new ForkJoinPool(1)) {
      thread
          .submit(
              () -> {
                UNPACKED.set(take);
                try (var hdf = HdfFile.fromBytes(file)) {
                  result.complete(reader.apply(hdf));
                } catch (RuntimeException | Error e) {
                  result.completeExceptionally(e);
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

  private static void take(long bytes) {
    UNPACKED.get().accept(bytes);
  }

  /** Stops at the limit, not after it. */
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
        while (!inflater.finished()) {
          int n = inflater.inflate(buffer);
          if (n == 0) {
            throw new IllegalArgumentException("a compressed chunk is damaged");
          }
          take(n);
          unpacked.write(buffer, 0, n);
        }
      } catch (DataFormatException e) {
        throw new IllegalArgumentException("a compressed chunk is damaged", e);
      }
      return unpacked.toByteArray();
    }

    @Override
    public byte[] encode(byte[] data, int[] options) {
      return new DeflatePipelineFilter().encode(data, options);
    }
  }

  /** Stops after the first chunk beyond the limit. */
  private record Counting(Filter filter) implements Filter {

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
      var unpacked = filter.decode(packed, options);
      take(unpacked.length);
      return unpacked;
    }
  }
}
