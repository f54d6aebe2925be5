package dev.spikewise.dataset;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.InputSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.FileSystemResource;
import org.springframework.core.io.InputStreamSource;

/** Data sets that a process without a database reads from files, as the service reads uploads. */
public final class LocalDatasets {

  private static final String DIGITS = "digits";

  private LocalDatasets() {}

  /**
   * A data set and its place in memory.
   *
   * @param samples null where the input is not a data set
   */
  public record Local(@Nullable Dataset samples, long memoryBytes) {}

  /**
   * What {@code input} names: the bundled digits, or the files.
   *
   * @param files by the name of their part; empty for none
   * @throws InvalidSpecException where only a server has such a data set, or a file cannot be read
   */
  public static Local resolve(InputSpec input, Map<String, Path> files) {
    if (!(input instanceof InputSpec.FromDataset named)) {
      return new Local(null, 0);
    }
    if (files.isEmpty() && named.id().equals(DIGITS)) {
      var digits = Dataset.digits();
      return new Local(digits, Datasets.digitsInfo(digits).memoryBytes());
    }
    if (files.isEmpty()) {
      throw new InvalidSpecException(
          "/input/id",
          "names a data set of a server: name that with --server, give files with --dataset, or use"
              + " `digits`.");
    }
    var read = read(files);
    return new Local(read.dataset(), DatasetInfo.of("local", read, null).memoryBytes());
  }

  private static ReadDataset read(Map<String, Path> files) {
    var missing = files.values().stream().filter(Predicate.not(Files::isRegularFile)).findFirst();
    if (missing.isPresent()) {
      throw new InvalidSpecException("/input/id", missing.get() + " is no file that can be read");
    }
    var parts = new TreeMap<String, InputStreamSource>();
    files.forEach((part, file) -> parts.put(part, new FileSystemResource(file)));
    var name = files.values().iterator().next().getFileName().toString();
    try {
      return Samples.read(name, parts, Unpacking.unlimited(UNBOUNDED));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final Compute.Run UNBOUNDED =
      new Compute.Run() {
        @Override
        public void run() {
          // Nobody waits for another computation of this process.
        }

        @Override
        public void reserve(long bytes) {
          // The whole heap is for this one.
        }

        @Override
        public void release(long bytes) {
          // Nothing was taken.
        }
      };
}
