package dev.spikewise.interop.events;

import dev.spikewise.interop.UnreadableFileException;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Reads event recordings in the format that the file name's extension indicates. */
public final class EventReader {

  /** Supported file name extensions, in lower case. */
  public static final Set<String> SUFFIXES =
      Set.of(
          ".bin", ".npy", ".npz", ".h5", ".hdf5", ".mat", ".aedat", ".aedat2", ".aedat4", ".dat",
          ".raw", ".wav");

  /** Default number of mel bands for audio, as in Speech2Spikes. */
  public static final int AUDIO_BANDS = 20;

  private EventReader() {}

  private interface Reading<T> {
    T read() throws IOException;
  }

  /**
   * Reads one recording.
   *
   * @throws UnreadableFileException where the file is not a recording of the format that its name
   *     says; the message names the file
   */
  public static EventRecording read(String name, byte[] file, EventOptions options) {
    return reading(name, () -> recording(name, file, options));
  }

  /** Whether a file is an HDF5 file with the spike trains of a whole data set, as SHD is. */
  public static boolean isSpikeTrains(String name, byte[] file) {
    return reading(name, () -> Hdf5Events.isSpikeTrains(file));
  }

  /**
   * Reads the samples of a data set of spike trains, as SHD and SSC are, with their labels.
   *
   * @throws UnreadableFileException as {@link #read}
   */
  public static List<EventRecording> readSpikeTrains(
      String name, byte[] file, EventOptions options) {
    return reading(name, () -> Hdf5Events.spikeTrains(file, options));
  }

  /** Whether the name is that of an audio file, which is encoded to one row of mel bands. */
  public static boolean isAudio(String name) {
    return name.toLowerCase(Locale.ROOT).endsWith(".wav");
  }

  private static <T> T reading(String name, Reading<T> reading) {
    try {
      return reading.read();
    } catch (IllegalArgumentException
        | ArithmeticException
        | IOException
        | IndexOutOfBoundsException
        | NegativeArraySizeException
        | ClassCastException
        | java.nio.BufferUnderflowException e) {
      throw new UnreadableFileException(
          "`" + name + "` cannot be read as an event recording: " + e.getMessage(), e);
    }
  }

  private static EventRecording recording(String name, byte[] file, EventOptions options)
      throws IOException {
    var suffix = name.substring(Math.max(0, name.lastIndexOf('.'))).toLowerCase(Locale.ROOT);
    return switch (suffix) {
      case ".bin" -> AtisBin.read(file, options);
      case ".npy" -> NumPyEvents.npy(name, file, options);
      case ".npz" -> NumPyEvents.npz(file, options);
      case ".h5", ".hdf5" -> Hdf5Events.read(file, options);
      case ".mat" -> MatlabEvents.read(file, options);
      case ".aedat", ".aedat2", ".aedat4" -> Aedat.read(file, options);
      case ".dat" -> Prophesee.dat(file, options);
      case ".raw" -> Prophesee.raw(file, options);
      case ".wav" -> Audio.read(file, options);
      default ->
          throw new IllegalArgumentException(
              "its name must end in one of " + SUFFIXES.stream().sorted().toList());
    };
  }
}
