package dev.spikewise.dataset;

import static java.util.Objects.requireNonNull;

import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.interop.events.EventReader;
import dev.spikewise.interop.events.EventRecording;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.SampleValues;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntConsumer;
import java.util.function.LongConsumer;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipInputStream;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.InputStreamSource;

/**
 * Reads a data set from a zip archive with one event recording per file, in folders named by label
 * or class name: {@code 7/00012.bin}, {@code airplane/1.npy}, or {@code Train/7/00012.bin} and
 * {@code Test/...} for the data set's own test split. Other files in the archive are skipped and
 * listed.
 */
final class Recordings {

  private static final int MAX_FILE = 64 << 20;
  private static final int MAX_PATH = 1024;

  /** Bytes of memory per byte read into a growing array. */
  private static final long GROWTH = 4;

  /** Bytes of memory per recording in addition to its path and events. */
  private static final int RECORDING = 256;

  private static final int MAX_LABEL = 65_535;
  private static final Pattern NUMBER = Pattern.compile("\\d{1,5}");
  private static final Pattern TEST = Pattern.compile("test(ing)?([-_ ]?(set|data|split))?");
  private static final Pattern TRAINING = Pattern.compile("train(ing)?([-_ ]?(set|data|split))?");
  private static final Pattern VALIDATION =
      Pattern.compile("val(id|idation)?([-_ ]?(set|data|split))?");
  private static final Set<String> CONTAINERS = Set.of("events_np", "data", "cache");

  private final InputStreamSource zip;
  private Recipe recipe;
  private EventFrames frames;
  private final Unpacking unpacking;
  private final long maxBytes;
  private final Reading.Notes notes = new Reading.Notes();
  private int found;
  private boolean audio;
  private @Nullable InvalidSpecException refused;
  private int empty;
  private int outOfOrder;
  private int filesOutOfOrder;
  private final Map<String, Assumption> assumed = new TreeMap<>();

  private Recordings(InputStreamSource zip, Recipe recipe, Unpacking unpacking) {
    this.zip = zip;
    this.recipe = recipe;
    this.unpacking = unpacking;
    this.maxBytes = unpacking.maxSize();
    frames = new EventFrames(recipe, false);
  }

  /** An assumption derived from the values of a file, and the path of that file. */
  private record Assumption(String text, String path) {}

  /**
   * @param folder name of its folder; null for a file at the top level or directly below train or
   *     test
   * @param places index in the sample of each event
   * @param label class stated in the file itself; null when it states none
   */
  private record Recording(
      String path, @Nullable String folder, boolean test, int[] places, @Nullable Integer label) {}

  /**
   * @throws InvalidSpecException naming the file in the archive that cannot be used
   */
  static ReadDataset read(String name, InputStreamSource zip, Recipe recipe, Unpacking unpacking)
      throws IOException {
    return new Recordings(zip, recipe, unpacking).read(name);
  }

  /**
   * Reads a data set of spike trains from one HDF5 file in the layout of SHD and SSC.
   *
   * @param part name of the upload part with the file
   */
  static ReadDataset readSpikeTrains(
      String name, String part, byte[] file, Recipe given, Unpacking unpacking) {
    long maxBytes = unpacking.maxSize();
    var options = given.ofSpikeTrains().options(unpacking.memory(unpacking::reserve));
    var recipe = given.ofSpikeTrains();
    var notes = new Reading.Notes();
    try {
      if (recipe.timeSteps() == null) {
        throw new InvalidSpecException(
            "/time_steps", "is missing: give the number of frames that a sample is divided into");
      }
      if (recipe.preparation().augmentation() != null) {
        throw new InvalidSpecException(
            "/preparation/augmentation",
            "requires samples with height and width, but spike trains have only channels: leave it"
                + " out");
      }
      if (!EventReader.isSpikeTrains(part, file)) {
        EventReader.read(part + ".h5", file, options);
        throw new InvalidSpecException(
            "/" + part,
            "is a single recording: send a zip with one recording per file, in folders named by"
                + " class");
      }
      var recordings = EventReader.readSpikeTrains(part, file, options);
      var frames = new EventFrames(recipe, true);
      var places = new int[recordings.size()][];
      var labels = new int[places.length];
      for (int i = 0; i < places.length; i++) {
        places[i] = frames.places(recordings.get(i));
        labels[i] = checked(requireNonNull(recordings.get(i).label()));
      }
      if (given.width() == null) {
        notes.assume("width: " + recipe.pixels() + " channels, as in SHD and SSC");
      }
      notes.assume("layout: spikes/times and spikes/units of SHD and SSC");
      if (given.timeUnit() == null) {
        notes.assume("time_unit: s, as in SHD and SSC");
      }
      notes.leaveOut("arrays other than spikes/times, spikes/units and labels");
      return dataset(
          name, frames, recipe, new Placed(places, labels, labels.length), notes, maxBytes, part);
    } catch (IllegalArgumentException | UnreadableFileException e) {
      throw new InvalidSpecException("/" + part, String.valueOf(e.getMessage()));
    }
  }

  private static int checked(int label) {
    if (label < 0 || label > MAX_LABEL) {
      throw new IllegalArgumentException("labels must be from 0 to 65535, but one is " + label);
    }
    return label;
  }

  /**
   * Samples as indices of their events.
   *
   * @param events for each sample, the index of each of its events
   * @param labels label of each sample
   * @param trainSize number of training samples, which come first
   */
  private record Placed(int[][] events, int[] labels, int trainSize) {}

  private static ReadDataset dataset(
      String name,
      EventFrames frames,
      Recipe recipe,
      Placed placed,
      Reading.Notes notes,
      long maxBytes,
      String part) {
    // Samples are expanded one at a time, so one expanded sample must fit in memory in addition to
    // the data set.
    double sample = (double) Float.BYTES * frames.size();
    if (sample > Math.min(maxBytes, (long) Float.BYTES * Integer.MAX_VALUE - 64)) {
      throw new InvalidSpecException(
          "/" + part,
          "takes %.0f bytes per sample in %d steps of %s pixels, more than the %d that a data set may take"
              .formatted(sample, recipe.steps(), frames.shape(), maxBytes));
    }
    var values = new SampleValues.Events(placed.events(), (int) frames.size());
    if (values.bytes() > maxBytes) {
      throw new InvalidSpecException(
          "/" + part,
          "takes %d bytes of events, more than the %d that a data set may take"
              .formatted(values.bytes(), maxBytes));
    }
    var dataset =
        new Dataset(
            name,
            frames.shape(),
            recipe.steps(),
            values,
            placed.labels(),
            placed.trainSize(),
            recipe.preparation().augmentation());
    return new ReadDataset(dataset, notes.of(dataset, recipe));
  }

  /** Reads the archive in one pass, because unpacking can take long. */
  private ReadDataset read(String name) throws IOException {
    var recordings = new ArrayList<Recording>();
    long[] left = {maxBytes};
    forEachFile(
        (path, in) -> {
          var recording = recording(path, in);
          if (recording == null) {
            return;
          }
          recordings.add(recording);
          long bytes = RECORDING + path.length() + (long) Integer.BYTES * recording.places.length;
          unpacking.reserve(bytes);
          left[0] -= bytes;
          if (left[0] < 0) {
            throw invalid(
                path,
                "exceeds the remaining part of the "
                    + maxBytes
                    + " bytes that a data set may take");
          }
        });
    if (refused != null) {
      throw refused;
    }
    if (recordings.isEmpty()) {
      throw new InvalidSpecException(
          "/events",
          "must be a zip with recordings in folders named by class, such as 7/a.bin or"
              + " airplane/a.npy, whose names end in one of "
              + EventReader.SUFFIXES.stream().sorted().toList()
              + notes.found());
    }
    if (recordings.stream().allMatch(Recording::test)) {
      throw new InvalidSpecException(
          "/events",
          "has recordings in test folders only: add training recordings, or leave the test folder"
              + " out of the paths");
    }
    recordings.sort(Comparator.comparing(Recording::test).thenComparing(Recording::path));
    noteEvents();
    return dataset(
        name,
        frames,
        recipe,
        new Placed(
            recordings.stream().map(Recording::places).toArray(int[][]::new),
            labels(recordings),
            (int) recordings.stream().filter(r -> !r.test()).count()),
        notes,
        maxBytes,
        "events");
  }

  /**
   * Completes the recipe according to the first file: camera recordings require height and width,
   * audio has one row of mel bands.
   *
   * @return whether the recordings can be read; otherwise only their names are collected
   */
  private boolean prepareFor(String path) {
    boolean isAudio = EventReader.isAudio(path);
    if (found == 0) {
      audio = isAudio;
      try {
        boolean bandsByDefault = recipe.width() == null;
        recipe = isAudio ? recipe.ofAudio() : recipe.requireCamera();
        frames = new EventFrames(recipe, false);
        if (isAudio) {
          notes.assume(
              "encoding: Speech2Spikes, %d mel bands from 20 Hz to 4 kHz%s, window 32 ms, hop 5 ms, threshold 1"
                  .formatted(recipe.pixels(), bandsByDefault ? " (width not given)" : ""));
        }
      } catch (InvalidSpecException e) {
        refused = e;
      }
    } else if (audio != isAudio) {
      throw new InvalidSpecException(
          "/events",
          "contains at least %d audio files and %d event recordings: upload them as two data sets"
              .formatted(audio ? found : 1, audio ? 1 : found));
    }
    found++;
    return refused == null;
  }

  private void noteEvents() {
    assumed.values().forEach(assumption -> notes.assume(assumption.text()));
    if (empty > 0) {
      notes.assume("events: %d recordings contain none".formatted(empty));
    }
    if (outOfOrder > 0) {
      notes.assume(
          "order: %d events in %d recordings came after a later one and were sorted by time"
              .formatted(outOfOrder, filesOutOfOrder));
    }
  }

  /**
   * Reads a recording; null for other files, such as those that operating systems add to archives.
   */
  private @Nullable Recording recording(String entry, InputStream in) throws IOException {
    // Some archivers of Windows separate folders by backslashes.
    var path = entry.replace('\\', '/').replaceFirst("^(\\./)+", "");
    if (path.length() > MAX_PATH) {
      throw new InvalidSpecException(
          "/events",
          "has a file whose path has %d characters: at most %d are allowed, but it begins with %s"
              .formatted(path.length(), MAX_PATH, path.substring(0, 60)));
    }
    var names = path.split("/");
    var file = names[names.length - 1];
    boolean hidden = Arrays.stream(names).anyMatch(n -> n.startsWith(".") || n.equals("__MACOSX"));
    if (hidden || !EventReader.SUFFIXES.contains(suffix(file))) {
      notes.leaveOut(path);
      return null;
    }
    var folders =
        Arrays.stream(names, 0, names.length - 1).map(n -> n.toLowerCase(Locale.ROOT)).toList();
    if (folders.stream().anyMatch(f -> VALIDATION.matcher(f).matches())) {
      notes.leaveOut(path);
      return null;
    }
    if (!prepareFor(path)) {
      return null;
    }
    var parent = names.length < 2 ? null : names[names.length - 2];
    var folder = parent == null || isContainer(folders.getLast()) ? null : parent;
    return frame(path, folder, folders.stream().anyMatch(f -> TEST.matcher(f).matches()), in);
  }

  /** Whether a folder, in lower case, holds classes or a part of a data set. */
  private static boolean isContainer(String folder) {
    return CONTAINERS.contains(folder)
        || TRAINING.matcher(folder).matches()
        || TEST.matcher(folder).matches();
  }

  private static String suffix(String file) {
    return file.substring(Math.max(0, file.lastIndexOf('.'))).toLowerCase(Locale.ROOT);
  }

  /**
   * Takes the labels from the recordings where they state them, as tonic's caches do, otherwise
   * from the folders.
   */
  private int[] labels(List<Recording> recordings) {
    var stated = recordings.stream().filter(r -> r.label() != null).findFirst();
    var unstated = recordings.stream().filter(r -> r.label() == null).findFirst();
    if (stated.isPresent()) {
      // Labels of files and positions of folder names are different numberings.
      if (unstated.isPresent()) {
        throw invalid(
            unstated.get().path(),
            "states no label, but %s states one: upload them as two data sets"
                .formatted(stated.get().path()));
      }
      notes.assume("labels: as stated in the files, not from the folders");
      return recordings.stream().mapToInt(r -> requireNonNull(r.label())).toArray();
    }
    var folders = new TreeSet<String>();
    recordings.forEach(
        recording -> {
          if (recording.folder() != null) {
            folders.add(recording.folder());
          }
        });
    boolean numbers =
        folders.stream()
            .allMatch(f -> NUMBER.matcher(f).matches() && Integer.parseInt(f) <= MAX_LABEL);
    var names = List.copyOf(folders);
    Map<String, Integer> indices = new HashMap<>();
    names.forEach(folder -> indices.put(folder, indices.size()));
    if (!numbers) {
      notes.classNames = names;
      notes.assume("labels: the folders' names in alphabetical order, from 0");
    }
    return recordings.stream()
        .mapToInt(
            recording -> {
              var folder = requireNonNull(recording.folder());
              return numbers ? Integer.parseInt(folder) : requireNonNull(indices.get(folder));
            })
        .toArray();
  }

  /** Limits the size of one file of the archive. */
  private static InputStream bounded(InputStream in, String path) {
    return new CountedInput(
        in,
        new IntConsumer() {
          private long left = MAX_FILE;

          @Override
          public void accept(int read) {
            left -= read;
            if (left < 0) {
              throw invalid(path, "is larger than " + MAX_FILE + " bytes");
            }
          }
        });
  }

  private interface Use {
    void use(String path, InputStream content) throws IOException;
  }

  private void forEachFile(Use use) throws IOException {
    try (var in = new ZipInputStream(zip.getInputStream())) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        if (!entry.isDirectory()) {
          var file = bounded(unpacking.counted(in), entry.getName());
          use.use(entry.getName(), file);
          // Skips the rest of the file under the same limits; the zip stream itself would unpack
          // all of it.
          file.transferTo(OutputStream.nullOutputStream());
        }
      }
    } catch (ZipException | EOFException e) {
      if (String.valueOf(e.getMessage()).contains("bad entry name")) {
        throw new InvalidSpecException(
            "/events",
            "has files or folders with names that are not in UTF-8: zip them again with UTF-8"
                + " names, or use letters of ASCII only");
      }
      throw new InvalidSpecException(
          "/events", "is damaged or truncated, or not a zip archive: " + e.getMessage());
    }
  }

  private Recording frame(String path, @Nullable String folder, boolean test, InputStream in)
      throws IOException {
    long[] taken = {0};
    LongConsumer reserve =
        bytes -> {
          unpacking.reserve(bytes);
          taken[0] += bytes;
        };
    try {
      var file = new ByteArrayOutputStream();
      var counted = new CountedInput(in, bytes -> reserve.accept(GROWTH * bytes));
      counted.transferTo(file);
      var options = recipe.options(unpacking.memory(reserve));
      var recording = EventReader.read(path, file.toByteArray(), options);
      note(path, recording);
      var label = recording.label();
      if (label == null && folder == null) {
        throw new IllegalArgumentException("it must be in a folder named by its class");
      }
      return new Recording(
          path,
          folder,
          test,
          frames.places(recording),
          label == null ? null : (Integer) checked(label));
    } catch (IllegalArgumentException | UnreadableFileException e) {
      throw invalid(path, String.valueOf(e.getMessage()));
    } finally {
      unpacking.release(taken[0]);
    }
  }

  private void note(String path, EventRecording recording) {
    if (recording.outOfOrder() > 0) {
      outOfOrder += recording.outOfOrder();
      filesOutOfOrder++;
    }
    if (!recording.unitKnown() && recipe.preparation().usesSeconds()) {
      throw new IllegalArgumentException(
          "the preparation uses seconds, but the file does not state the unit of its times: give"
              + " time_unit");
    }
    if (recording.size() == 0) {
      empty++;
      return;
    }
    for (var assumption : recording.assumed()) {
      var about = assumption.substring(0, assumption.indexOf(':'));
      var before = assumed.putIfAbsent(about, new Assumption(assumption, path));
      if (before != null && !before.text().equals(assumption)) {
        throw new IllegalArgumentException(
            "its values suggest %s, but those of %s suggest %s: give %s"
                .formatted(assumption, before.path(), before.text(), about));
      }
    }
  }

  private static InvalidSpecException invalid(String path, String detail) {
    return new InvalidSpecException(
        "/events/" + path.replace("~", "~0").replace("/", "~1"), detail);
  }
}
