package dev.spikewise.snn.world;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Processes that perform the same computation and exchange their results. Exchanged memory is
 * native memory. Only one thread per process may call these methods, and every process must make
 * the same calls in the same order.
 */
public interface World {

  /** A single process. */
  World ALONE = new Alone();

  /** Number of this process, from 0. */
  int rank();

  /** Number of processes. */
  int size();

  /**
   * Distributes the part of every process to all others.
   *
   * @param data data; the part of process r is at {@code starts[r]..starts[r + 1] - 1}
   */
  void allGather(MemorySegment data, long[] starts);

  /** Sends and receives at the same time, and returns when all transfers are complete. */
  void exchange(List<Part> sent, List<Part> received);

  /** Replaces {@code data} by the data of process 0. */
  void broadcast(MemorySegment data);

  /**
   * Ends all processes at once, because one of them has failed and the others would wait for it.
   *
   * @param code exit code of the processes
   */
  void abort(int code);

  /** Memory sent to a process or received from it. */
  record Part(int rank, MemorySegment data) {}

  /** A world with a single process, which exchanges nothing. */
  final class Alone implements World {

    private Alone() {}

    @Override
    public int rank() {
      return 0;
    }

    @Override
    public int size() {
      return 1;
    }

    @Override
    public void allGather(MemorySegment data, long[] starts) {
      // All parts are here.
    }

    @Override
    public void exchange(List<Part> sent, List<Part> received) {
      if (!sent.isEmpty() || !received.isEmpty()) {
        throw new IllegalArgumentException("there is no other process");
      }
    }

    @Override
    public void broadcast(MemorySegment data) {
      // It is that of process 0.
    }

    @Override
    public void abort(int code) {
      Runtime.getRuntime().halt(code);
    }
  }
}
