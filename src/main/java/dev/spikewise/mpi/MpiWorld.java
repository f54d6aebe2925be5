package dev.spikewise.mpi;

import dev.spikewise.snn.world.World;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The processes that an MPI launcher started together, such as {@code mpirun -np 4 java -jar
 * spikewise.jar train job.json}.
 */
public final class MpiWorld implements World {

  /** Tests before a waiting process gives way to others on its core. */
  private static final int SPINS = 1_000;

  private static final int YIELDS = 10_000;
  private static final long NAP_NANOS = 50_000;
  private static final long LEISURE_NANOS = 2_000_000;

  /** Largest message in bytes: counts are ints in MPI. */
  private static final long MOST_BYTES = 1 << 30;

  private final Mpi mpi;
  private final String launcher;
  private final Duration patience;
  private final int rank;
  private final int size;
  private boolean finished;
  private volatile long waitedNanos;
  private volatile long sentBytes;

  private MpiWorld(Mpi mpi, String launcher, Duration patience) {
    this.patience = patience;
    this.mpi = mpi;
    this.launcher = launcher;
    rank = mpi.rank();
    size = mpi.size();
  }

  /**
   * The world of the launcher that started this process; empty where none did, and then no library
   * is loaded. May be called once in a process.
   *
   * @param library name or file of the MPI library; that of the launcher if null, and no world if
   *     it is "none"
   * @param patience time to wait for the other processes before all of them are ended
   * @throws MpiException where the library is missing or is not the launcher's
   */
  public static Optional<MpiWorld> join(@Nullable String library, Duration patience) {
    return Launch.of(System.getenv(), library).map(launch -> start(launch, patience));
  }

  private static MpiWorld start(Launch launch, Duration patience) {
    var mpi = Mpi.load(launch.libraries(), launch.launcher());
    mpi.init();
    var world = new MpiWorld(mpi, launch.launcher(), patience);
    if (world.size != launch.processes()) {
      var message =
          "%s started %d processes, but %s (%s) made a world of %d: the library belongs to another MPI than the launcher. %s"
              .formatted(
                  launch.launcher(),
                  launch.processes(),
                  mpi.library(),
                  mpi.product(),
                  world.size,
                  launch.launcher().startsWith("srun")
                      ? "Use srun --mpi=pmix for Open MPI and srun --mpi=pmi2 for MPICH, or set "
                          + Launch.LIBRARY
                          + "="
                          + Launch.NONE
                          + " for processes that train on their own."
                      : "Start the processes with the launcher of the same MPI, or name its library"
                          + " in "
                          + Launch.LIBRARY
                          + ".");
      mpi.finish();
      throw new MpiException(message);
    }
    return world;
  }

  /** The library: "Open MPI (libmpi.so.40)". */
  public String library() {
    return "%s (%s)".formatted(mpi.product(), mpi.library());
  }

  /**
   * Time from the start to the end of all exchanges of a training, in nanoseconds: transfers, and
   * waiting for other processes.
   */
  public long waitedNanos() {
    return waitedNanos;
  }

  /** Bytes that this process passed to MPI, once per receiver. */
  public long sentBytes() {
    return sentBytes;
  }

  /** The launcher and library in a few words, for the log. */
  public String description() {
    return "%d processes of %s with %s".formatted(size, launcher, mpi.library());
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void allGather(MemorySegment data, long[] starts) {
    if (data.byteSize() > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "an exchange of " + data.byteSize() + " bytes is larger than MPI's 2 GiB");
    }
    try (var arena = Arena.ofConfined()) {
      var counts = arena.allocate(Mpi.COUNT, size);
      var from = arena.allocate(Mpi.COUNT, size);
      for (int r = 0; r < size; r++) {
        counts.setAtIndex(Mpi.COUNT, r, (int) (starts[r + 1] - starts[r]));
        from.setAtIndex(Mpi.COUNT, r, (int) starts[r]);
      }
      var requests = mpi.new Requests(1);
      requests.allGather(data, counts, from);
      count((starts[rank + 1] - starts[rank]) * (size - 1));
      await(requests, false);
      Reference.reachabilityFence(data);
    }
  }

  @Override
  public void exchange(List<Part> sent, List<Part> received) {
    var requests = mpi.new Requests((int) (messages(sent) + messages(received)));
    received.forEach(part -> pieces(part.data(), piece -> requests.receive(piece, part.rank())));
    sent.forEach(part -> pieces(part.data(), piece -> requests.send(piece, part.rank())));
    sent.forEach(part -> count(part.data().byteSize()));
    await(requests, false);
    Reference.reachabilityFence(sent);
    Reference.reachabilityFence(received);
  }

  private static long messages(List<Part> parts) {
    return parts.stream().mapToLong(part -> Math.ceilDiv(part.data().byteSize(), MOST_BYTES)).sum();
  }

  private interface Message {
    void start(MemorySegment piece);
  }

  private static void pieces(MemorySegment data, Message message) {
    for (long at = 0; at < data.byteSize(); at += MOST_BYTES) {
      message.start(data.asSlice(at, Math.min(MOST_BYTES, data.byteSize() - at)));
    }
  }

  @SuppressWarnings("NonAtomicOperationOnVolatileField") // only one thread exchanges
  private void count(long bytes) {
    sentBytes += bytes;
  }

  @Override
  public void broadcast(MemorySegment data) {
    count(rank == 0 ? data.byteSize() * (size - 1) : 0);
    pieces(
        data,
        piece -> {
          var requests = mpi.new Requests(1);
          requests.broadcast(piece);
          await(requests, false);
          Reference.reachabilityFence(piece);
        });
  }

  /** Sends to one process, which waits in {@link #receiveAtLeisure}. */
  public void send(MemorySegment data, int to) {
    exchange(List.of(new Part(to, data)), List.of());
  }

  /** Receives from process 0, however long it takes, without keeping a core busy. */
  public void receiveAtLeisure(MemorySegment data) {
    var requests = mpi.new Requests(1);
    requests.receive(data, 0);
    await(requests, true);
    Reference.reachabilityFence(data);
  }

  /**
   * MPI's own functions keep a core busy while they wait, which may be the one that another process
   * needs.
   */
  @SuppressWarnings("NonAtomicOperationOnVolatileField") // only one thread exchanges
  private void await(Mpi.Requests requests, boolean leisurely) {
    long begin = System.nanoTime();
    long deadline = begin + patience.toNanos();
    for (int tries = 0; !requests.areComplete(); tries++) {
      if (leisurely) {
        LockSupport.parkNanos(LEISURE_NANOS);
      } else if (tries < SPINS) {
        Thread.onSpinWait();
      } else if (tries < YIELDS) {
        Thread.yield();
      } else {
        LockSupport.parkNanos(NAP_NANOS);
        if (System.nanoTime() > deadline) {
          System.err.printf(
              "Rank %d ends all processes: the others did not answer within %d s. See"
                  + " spikewise.mpi.patience.%n",
              rank, patience.toSeconds());
          abort(1);
        }
      }
    }
    if (!leisurely) {
      waitedNanos += System.nanoTime() - begin;
    }
  }

  @Override
  public void abort(int code) {
    mpi.abort(code);
  }

  /** Leaves the world in peace; every process must come here. */
  public void finish() {
    if (!finished) {
      finished = true;
      mpi.finish();
    }
  }
}
