package dev.spikewise.mpi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The functions of an MPI library that a training needs, on the communicator of all processes and
 * in bytes. Handles are addresses of the library's variables in Open MPI and ints in MPICH; all
 * else is the same. An error inside MPI ends all processes, which is MPI's default.
 */
final class Mpi {

  /** Calls of all threads that never overlap: MPI_THREAD_SERIALIZED in both libraries. */
  private static final int SERIALIZED = 2;

  /** What a message of one command or exchange is known by; messages never overtake each other. */
  private static final int TAG = 17;

  private static final int MPICH_COMM_WORLD = 0x44000000;
  private static final int MPICH_BYTE = 0x4c00010d;

  private final Arena arena = Arena.ofShared();
  private final SymbolLookup symbols;
  private final String name;
  private final boolean openMpi;
  private final Object world;
  private final Object bytes;
  private final MemorySegment inPlace;
  private final MemorySegment ignoredStatus;

  /** Size of a request handle. */
  private final long request;

  private final MemorySegment flag = arena.allocate(JAVA_INT);
  private final MethodHandle isend;
  private final MethodHandle irecv;
  private final MethodHandle ibcast;
  private final MethodHandle iallgatherv;
  private final MethodHandle testall;

  private Mpi(String name, SymbolLookup symbols) {
    this.name = name;
    this.symbols = symbols;
    openMpi = symbols.find("ompi_mpi_comm_world").isPresent();
    world = openMpi ? symbols.findOrThrow("ompi_mpi_comm_world") : (Object) MPICH_COMM_WORLD;
    bytes = openMpi ? symbols.findOrThrow("ompi_mpi_byte") : (Object) MPICH_BYTE;
    inPlace = MemorySegment.ofAddress(openMpi ? 1 : -1);
    ignoredStatus = MemorySegment.ofAddress(openMpi ? 0 : 1);
    request = openMpi ? ADDRESS.byteSize() : JAVA_INT.byteSize();
    var handle = openMpi ? ADDRESS : JAVA_INT;
    isend = function("MPI_Isend", ADDRESS, JAVA_INT, handle, JAVA_INT, JAVA_INT, handle, ADDRESS);
    irecv = function("MPI_Irecv", ADDRESS, JAVA_INT, handle, JAVA_INT, JAVA_INT, handle, ADDRESS);
    ibcast = function("MPI_Ibcast", ADDRESS, JAVA_INT, handle, JAVA_INT, handle, ADDRESS);
    iallgatherv =
        function(
            "MPI_Iallgatherv",
            ADDRESS,
            JAVA_INT,
            handle,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            handle,
            handle,
            ADDRESS);
    testall = function("MPI_Testall", JAVA_INT, ADDRESS, ADDRESS, ADDRESS);
  }

  /**
   * Loads the first of the libraries that is installed.
   *
   * @throws MpiException where none of them is
   */
  static Mpi load(List<String> libraries, String launcher) {
    // UCX would replace the SIGSEGV handler with which the JVM detects null pointers.
    setEnvironment("UCX_ERROR_SIGNALS", "");
    var tried = new ArrayList<String>();
    for (String library : libraries) {
      try {
        return new Mpi(library, SymbolLookup.libraryLookup(library, Arena.global()));
      } catch (IllegalArgumentException e) {
        tried.add(library);
      }
    }
    throw new MpiException(
        "%s started this process, but no MPI library was found (tried %s): install the library of the launcher, such as apt-get install libopenmpi3 or libmpich12, or name its file in %s."
            .formatted(launcher, String.join(", ", tried), Launch.LIBRARY));
  }

  /** Name of the library's file. */
  String library() {
    return name;
  }

  /** The library in a few words: "Open MPI" or "MPICH". */
  String product() {
    return openMpi ? "Open MPI" : "MPICH";
  }

  void init() {
    var init = function("MPI_Init_thread", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
    call(init, MemorySegment.NULL, MemorySegment.NULL, SERIALIZED, flag);
    if (flag.get(JAVA_INT, 0) < SERIALIZED) {
      throw new MpiException(
          name + " was built without support for threads: use a build with MPI_THREAD_SERIALIZED.");
    }
  }

  int rank() {
    return number("MPI_Comm_rank");
  }

  int size() {
    return number("MPI_Comm_size");
  }

  private int number(String what) {
    call(function(what, openMpi ? ADDRESS : JAVA_INT, ADDRESS), world, flag);
    return flag.get(JAVA_INT, 0);
  }

  /** Ends all processes at once with an exit code. */
  void abort(int code) {
    call(function("MPI_Abort", openMpi ? ADDRESS : JAVA_INT, JAVA_INT), world, code);
  }

  /** Ends what {@link #init} began; every process must come here. */
  void finish() {
    call(function("MPI_Finalize"));
  }

  /** Operations that have begun and are not complete. */
  final class Requests {

    private final MemorySegment handles;
    private int begun;

    Requests(int most) {
      handles = Arena.ofAuto().allocate(Math.max(1, most) * request, request);
    }

    private MemorySegment next() {
      return handles.asSlice(request * begun++, request);
    }

    void send(MemorySegment data, int to) {
      call(isend, data, length(data), bytes, to, TAG, world, next());
    }

    void receive(MemorySegment data, int from) {
      call(irecv, data, length(data), bytes, from, TAG, world, next());
    }

    void broadcast(MemorySegment data) {
      call(ibcast, data, length(data), bytes, 0, world, next());
    }

    /**
     * @param counts by rank: bytes of its part
     * @param starts by rank: where its part begins
     */
    void allGather(MemorySegment data, MemorySegment counts, MemorySegment starts) {
      call(iallgatherv, inPlace, 0, bytes, data, counts, starts, bytes, world, next());
    }

    /** Whether all operations are complete; lets MPI work on them. */
    boolean areComplete() {
      int error;
      try {
        error = (int) testall.invokeExact(begun, handles, flag, ignoredStatus);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
      check(error);
      return flag.get(JAVA_INT, 0) != 0;
    }
  }

  private static int length(MemorySegment data) {
    return Math.toIntExact(data.byteSize());
  }

  private MethodHandle function(String function, MemoryLayout... arguments) {
    return Linker.nativeLinker()
        .downcallHandle(symbols.findOrThrow(function), FunctionDescriptor.of(JAVA_INT, arguments));
  }

  private static void setEnvironment(String name, String value) {
    var linker = Linker.nativeLinker();
    try (var arena = Arena.ofConfined()) {
      call(
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("setenv"),
              FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT)),
          arena.allocateFrom(name),
          arena.allocateFrom(value),
          1);
    }
  }

  private static void call(MethodHandle function, @Nullable Object... arguments) {
    int error;
    try {
      error = (int) function.invokeWithArguments(arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    check(error);
  }

  private static void check(int error) {
    if (error != 0) {
      throw new IllegalStateException("a function of MPI returned error " + error);
    }
  }

  /** Layout of the counts of an all-gather. */
  static final ValueLayout.OfInt COUNT = JAVA_INT;
}
