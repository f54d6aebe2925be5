package dev.spikewise.snn;

import dev.spikewise.snn.world.World;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Threads that exchange data as the processes of a world do. */
final class WorldOfThreads {

  private final CyclicBarrier barrier;
  private final MemorySegment[] shared;
  private final List<List<World.Part>> sent = new ArrayList<>();

  private WorldOfThreads(int size) {
    barrier = new CyclicBarrier(size);
    shared = new MemorySegment[size];
    for (int r = 0; r < size; r++) {
      sent.add(List.of());
    }
  }

  interface Program<T> {
    T run(World world) throws Exception;
  }

  /** Runs a program once per rank, at the same time, and returns the results by rank. */
  static <T> List<T> run(int size, Program<T> program) {
    var all = new WorldOfThreads(size);
    try (var threads = Executors.newFixedThreadPool(size)) {
      var futures = new ArrayList<Future<T>>();
      for (int r = 0; r < size; r++) {
        World rank = all.new Rank(r);
        Callable<T> work =
            () -> {
              try {
                return program.run(rank);
              } catch (Throwable e) {
                all.barrier.reset();
                throw e;
              }
            };
        futures.add(threads.submit(work));
      }
      var results = new ArrayList<T>();
      for (var future : futures) {
        results.add(future.get());
      }
      return results;
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  private final class Rank implements World {

    private final int rank;

    Rank(int rank) {
      this.rank = rank;
    }

    @Override
    public int rank() {
      return rank;
    }

    @Override
    public int size() {
      return shared.length;
    }

    @Override
    public void allGather(MemorySegment data, long[] starts) {
      shared[rank] = data;
      await();
      for (int r = 0; r < shared.length; r++) {
        if (r != rank) {
          MemorySegment.copy(shared[r], starts[r], data, starts[r], starts[r + 1] - starts[r]);
        }
      }
      await();
    }

    @Override
    public void exchange(List<Part> parts, List<Part> received) {
      sent.set(rank, parts);
      await();
      for (Part part : received) {
        var from =
            sent.get(part.rank()).stream().filter(p -> p.rank() == rank).findFirst().orElseThrow();
        part.data().copyFrom(from.data());
      }
      await();
    }

    @Override
    public void broadcast(MemorySegment data) {
      shared[rank] = data;
      await();
      if (rank > 0) {
        data.copyFrom(shared[0]);
      }
      await();
    }

    @Override
    public void abort(int code) {
      throw new IllegalStateException("aborted with " + code);
    }

    private void await() {
      try {
        barrier.await(60, TimeUnit.SECONDS);
      } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
