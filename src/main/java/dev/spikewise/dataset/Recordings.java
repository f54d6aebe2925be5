package dev.spikewise.dataset;

import dev.spikewise.interop.Events;
import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.Shape;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipInputStream;
import org.springframework.core.io.InputStreamSource;

/**
 * Makes a data set of a zip with one event recording a file, in folders named by label, as N-MNIST
 * comes: {@code 7/00012.bin}, or {@code Train/7/00012.bin} and {@code Test/...}, the data set's own
 * test split.
 */
final class Recordings {

  private static final int MAX_FILE = 64 << 20;

  /** Bytes that this process needs to know of a recording. */
  private static final int RECORDING = 256;

  private static final Pattern PATH =
      Pattern.compile("(?:.*/)?(\\d{1,5})/[^/]+(\\.[a-z0-9]+)", Pattern.CASE_INSENSITIVE);
  private static final Pattern TEST = Pattern.compile("(?:.*/)?test/.*", Pattern.CASE_INSENSITIVE);

  private final InputStreamSource zip;
  private final Framing framing;

  private Recordings(InputStreamSource zip, Framing framing) {
    this.zip = zip;
    this.framing = framing;
  }

  private record Recording(String path, int label, boolean test) {}

  /**
   * @throws InvalidSpecException naming the file in the zip that cannot be used
   */
  static Dataset read(String name, InputStreamSource zip, Framing framing, long maxBytes)
      throws IOException {
    return new Recordings(zip, framing).read(name, maxBytes);
  }

  private Dataset read(String name, long maxBytes) throws IOException {
    var recordings = new ArrayList<Recording>();
    forEachFile(
        (path, _) -> {
          recordings.add(recording(path));
          if ((long) recordings.size() * RECORDING > maxBytes) {
            throw new InvalidSpecException(
                "/events",
                "holds too many recordings for the " + maxBytes + " bytes of a data set");
          }
        });
    if (recordings.isEmpty()) {
      throw new InvalidSpecException(
          "/events", "must be a zip with recordings in folders named by label, such as 7/a.bin");
    }
    recordings.sort(Comparator.comparing(Recording::test).thenComparing(Recording::path));
    double bytes = (double) Float.BYTES * framing.size() * recordings.size();
    if (bytes > Math.min(maxBytes, (long) Float.BYTES * Integer.MAX_VALUE - 64)) {
      throw new InvalidSpecException(
          "/events",
          "takes %.0f bytes in %d steps of %d x %d pixels, more than the %d that a data set may take"
              .formatted(bytes, framing.timeSteps(), framing.height(), framing.width(), maxBytes));
    }
    int size = (int) framing.size();
    var values = new float[size * recordings.size()];
    Map<String, Integer> places = new LinkedHashMap<>();
    for (int i = 0; i < recordings.size(); i++) {
      places.put(recordings.get(i).path(), i * size);
    }
    forEachFile((path, in) -> frame(path, in, values, places.getOrDefault(path, 0)));
    return new Dataset(
        name,
        Shape.of(2, framing.height(), framing.width()),
        framing.timeSteps(),
        values,
        recordings.stream().mapToInt(Recording::label).toArray(),
        (int) recordings.stream().filter(r -> !r.test()).count());
  }

  /** One file of the zip, up to the size that a recording may have. */
  private static final class Bounded extends FilterInputStream {

    private final String path;
    private long left = MAX_FILE;

    Bounded(InputStream in, String path) {
      super(in);
      this.path = path;
    }

    @Override
    public int read() throws IOException {
      int value = in.read();
      count(value < 0 ? 0 : 1);
      return value;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      int read = in.read(into, offset, length);
      count(Math.max(read, 0));
      return read;
    }

    private void count(int read) {
      left -= read;
      if (left < 0) {
        throw invalid(path, "is larger than " + MAX_FILE + " bytes");
      }
    }
  }

  private interface Use {
    void use(String path, InputStream content) throws IOException;
  }

  private void forEachFile(Use use) throws IOException {
    try (var in = new ZipInputStream(zip.getInputStream())) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        if (!entry.isDirectory()) {
          var file = new Bounded(in, entry.getName());
          use.use(entry.getName(), file);
          // The zip's own way to the next file unpacks this one's rest, however long it may be.
          file.transferTo(OutputStream.nullOutputStream());
        }
      }
    } catch (ZipException | EOFException e) {
      throw new InvalidSpecException("/events", "is not a whole zip: " + e.getMessage());
    }
  }

  private static Recording recording(String path) {
    var matcher = PATH.matcher(path);
    if (!matcher.matches() || !Events.SUFFIXES.contains(matcher.group(2))) {
      throw invalid(
          path,
          "must lie in a folder named by its label, 0 to 65535, and end in one of "
              + List.copyOf(Events.SUFFIXES).stream().sorted().toList());
    }
    return new Recording(path, Integer.parseInt(matcher.group(1)), TEST.matcher(path).matches());
  }

  private void frame(String path, InputStream in, float[] values, int at) throws IOException {
    byte[] file = in.readAllBytes();
    try {
      Events.read(path, file)
          .frame(framing.timeSteps(), framing.height(), framing.width(), values, at);
    } catch (IllegalArgumentException | UnreadableFileException e) {
      throw invalid(path, String.valueOf(e.getMessage()));
    }
  }

  private static InvalidSpecException invalid(String path, String detail) {
    return new InvalidSpecException(
        "/events/" + path.replace("~", "~0").replace("/", "~1"), detail);
  }
}
