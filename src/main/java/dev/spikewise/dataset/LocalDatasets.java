package dev.spikewise.dataset;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.InputSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.FileSystemResource;
import org.springframework.core.io.InputStreamSource;

/**
 * Reads data sets from files in a process without a database, in the same way as the service reads
 * uploads.
 */
public final class LocalDatasets {

  private static final String DIGITS = "digits";

  private LocalDatasets() {}

  /**
   * A data set and the memory that it uses.
   *
   * @param samples samples; null when the input is not a data set
   * @param classNames name of each class, by label; null where the labels are numbers
   */
  public record Local(
      @Nullable Dataset samples, long memoryBytes, @Nullable List<String> classNames) {}

  /**
   * Loads the data set that {@code input} refers to: the bundled digits or the files.
   *
   * @param files files by the name of their upload part; may be empty
   * @throws InvalidSpecException when only a server can have the data set, or a file cannot be read
   */
  public static Local resolve(InputSpec input, Map<String, Path> files) {
    if (!(input instanceof InputSpec.FromDataset named)) {
      return new Local(null, 0, null);
    }
    if (files.isEmpty() && named.id().equals(DIGITS)) {
      var digits = Dataset.digits();
      return new Local(digits, Datasets.digitsInfo(digits).memoryBytes(), null);
    }
    if (files.isEmpty()) {
      throw new InvalidSpecException(
          "/input/id",
          "refers to a data set on a server: name the server with --server, give files with"
              + " --dataset, or use `digits`.");
    }
    var read = read(files);
    return new Local(
        read.dataset(),
        DatasetInfo.of("local", read, null).memoryBytes(),
        read.reading().classNames());
  }

  private static ReadDataset read(Map<String, Path> files) {
    var missing = files.values().stream().filter(Predicate.not(Files::isRegularFile)).findFirst();
    if (missing.isPresent()) {
      throw new InvalidSpecException("/input/id", missing.get() + " is not a readable file");
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
          // A command has no time limit.
        }

        @Override
        public void reserve(long bytes) {
          // A command may use the whole heap.
        }

        @Override
        public void release(long bytes) {
          // Nothing was reserved.
        }
      };
}
