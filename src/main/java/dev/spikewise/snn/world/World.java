package dev.spikewise.snn.world;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Processes that do the same and exchange what each of them computed. Memory that is exchanged is
 * native memory. Only one thread of a process calls these methods, and every process makes the same
 * calls in the same order.
 */
public interface World {

  /** A process on its own. */
  World ALONE = new Alone();

  /** Number of this process, from 0. */
  int rank();

  /** Number of processes. */
  int size();

  /**
   * Gives every process the part of every other one.
   *
   * @param data process r's own part is at {@code starts[r]..starts[r + 1] - 1}
   */
  void allGather(MemorySegment data, long[] starts);

  /** Sends and receives at the same time, and returns when all parts have gone and come. */
  void exchange(List<Part> sent, List<Part> received);

  /** Replaces {@code data} by that of process 0. */
  void broadcast(MemorySegment data);

  /**
   * Ends all processes at once, as one of them cannot go on and the others would wait for it.
   *
   * @param code exit code of the processes
   */
  void abort(int code);

  /** Memory that is sent to a process or received from it. */
  record Part(int rank, MemorySegment data) {}

  /** A process on its own has nobody to exchange anything with. */
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
