package dev.spikewise;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Restarts the program with the JVM flags of {@code jvm.options} when Java was started without the
 * Vector API, for example by a plain {@code java -jar}. A jar cannot request the incubator module
 * by itself.
 *
 * <p>The new JVM replaces the old one in the same process (execv) and keeps its process id,
 * environment, arguments, open files and parent, so that signals and exit codes work as before. A
 * child process would survive a killed parent and keep its jobs.
 *
 * <p>Works on Linux only, where /proc has the command line. On other systems, under a debugger
 * (which would lose its connection), and on a Java runtime without the module, the program
 * continues and trains with scalar kernels.
 */
final class Relaunch {

  private static final String VECTOR_API = "jdk.incubator.vector";
  private static final Path PROCESS = Path.of("/proc/self");

  /** The file descriptors 0 to 2 are the standard streams. */
  private static final int FIRST_OWN = 3;

  private static final int F_SETFD = 2;
  private static final int FD_CLOEXEC = 1;

  private Relaunch() {}

  /** Returns only when no restart is needed or possible. */
  static void unlessVectorApiIsThere() {
    if (ModuleLayer.boot().findModule(VECTOR_API).isPresent()
        || "scalar".equals(System.getProperty("spikewise.kernels"))
        || ModuleFinder.ofSystem().find(VECTOR_API).isEmpty()
        || !System.getProperty("os.name").equals("Linux")) {
      return;
    }
    try {
      List<byte[]> flags = flags();
      List<byte[]> command = command();
      Path java = PROCESS.resolve("exe").toRealPath();
      // Already restarted once; another restart would have the same result.
      if (java.endsWith("java") && !isDebugged(command) && !startsWith(command, flags)) {
        command.addAll(1, flags);
        execute(java, command);
      }
    } catch (IOException | RuntimeException | LinkageError e) {
      // Without /proc or native access the program continues; the log states the kernels in use.
    }
  }

  private static List<byte[]> flags() throws IOException {
    try (var file = Relaunch.class.getResourceAsStream("/jvm.options")) {
      return new String(Objects.requireNonNull(file).readAllBytes(), UTF_8)
          .lines()
          .map(flag -> flag.getBytes(UTF_8))
          .toList();
    }
  }

  /** The program's name and arguments as raw bytes, independent of their encoding. */
  private static List<byte[]> command() throws IOException {
    var command = new ArrayList<byte[]>();
    var argument = new ByteArrayOutputStream();
    for (byte b : Files.readAllBytes(PROCESS.resolve("cmdline"))) {
      if (b == 0) {
        command.add(argument.toByteArray());
        argument.reset();
      } else {
        argument.write(b);
      }
    }
    return command;
  }

  private static boolean isDebugged(List<byte[]> command) {
    return Stream.concat(
            command.stream().map(argument -> new String(argument, UTF_8)),
            Stream.of("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS")
                .flatMap(name -> Optional.ofNullable(System.getenv(name)).stream()))
        .anyMatch(options -> options.contains("jdwp"));
  }

  private static boolean startsWith(List<byte[]> command, List<byte[]> flags) {
    return command.size() > flags.size()
        && Arrays.deepEquals(command.subList(1, 1 + flags.size()).toArray(), flags.toArray());
  }

  /** Returns only when the call fails. */
  private static void execute(Path program, List<byte[]> command) throws IOException {
    try (var arena = Arena.ofConfined()) {
      closeSocketsOnExecution();
      MemorySegment arguments = arena.allocate(ADDRESS, command.size() + 1L);
      for (int i = 0; i < command.size(); i++) {
        byte[] argument = command.get(i);
        // One byte more than the argument, for the terminating 0.
        MemorySegment copy = arena.allocate(argument.length + 1L);
        MemorySegment.copy(argument, 0, copy, JAVA_BYTE, 0, argument.length);
        arguments.setAtIndex(ADDRESS, i, copy);
      }
      arguments.setAtIndex(ADDRESS, command.size(), MemorySegment.NULL);
      call(
          function("execv", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS)),
          arena.allocateFrom(program.toString()),
          arguments);
    }
  }

  /**
   * Marks sockets to be closed on execution. The JDK leaves them open, for example that of a remote
   * management agent, whose port would then be in use when the agent starts again. The JDK closes
   * its own files and pipes; inherited ones must stay open.
   */
  private static void closeSocketsOnExecution() throws IOException {
    var fcntl =
        function(
            "fcntl",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT),
            Linker.Option.firstVariadicArg(2));
    List<Path> descriptors;
    try (var list = Files.list(PROCESS.resolve("fd"))) {
      descriptors = list.toList();
    }
    for (Path descriptor : descriptors) {
      int number = Integer.parseInt(descriptor.getFileName().toString());
      if (number >= FIRST_OWN && isSocket(descriptor)) {
        call(fcntl, number, F_SETFD, FD_CLOEXEC);
      }
    }
  }

  private static boolean isSocket(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
    } catch (IOException e) {
      // The descriptor has been closed in the meantime, like that of the directory listing itself.
      return false;
    }
  }

  private static MethodHandle function(
      String name, FunctionDescriptor type, Linker.Option... options) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type, options);
  }

  private static void call(MethodHandle function, Object... arguments) {
    try {
      function.invokeWithArguments(arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
