package dev.spikewise.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.spec.Preparation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.core.io.InputStreamSource;

/** Files that need a correction: each is refused with it, or read and the difference stated. */
class FileCorrectionsTest {

  private static final Recipe CAMERA =
      new Recipe(4, 34, 34, null, null, null, null, Preparation.NONE);

  @ParameterizedTest
  @ValueSource(strings = {"float_labels", "class_names"})
  void readsTheSameImagesInEveryRepresentation(String name) throws IOException {
    var plain = file("plain.npz", null);
    var read = file(name + ".npz", null);
    assertThat(read.dataset().labels()).isEqualTo(plain.dataset().labels());
    assertEqualSamples(read, plain);
  }

  private static void assertEqualSamples(ReadDataset read, ReadDataset plain) {
    assertThat(read.dataset().shape()).isEqualTo(plain.dataset().shape());
    var expected = new float[12];
    var values = new float[12];
    for (int sample = 0; sample < 6; sample++) {
      plain.dataset().values().read(sample, expected);
      read.dataset().values().read(sample, values);
      assertThat(values).containsExactly(expected);
    }
  }

  @Test
  void listsArraysThatHoldNoNumbers() throws IOException {
    assertThat(file("class_names.npz", null).reading().leftOut())
        .anyMatch(s -> s.startsWith("array 'classes' holds text"))
        .anyMatch(s -> s.startsWith("array 'info' holds Python objects"))
        .hasSize(2);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          text_labels.npz    | 'y' holds text: store numbers
          pickled.npz        | 'x' holds Python objects
          one_hot.npz        | store y.argmax(1)
          time_first.npz     | store spikes.swapaxes(0, 1)
          mixed_kinds.npz    | holds floats but the training samples are integers
          """)
  void refusesImagesWithTheCorrection(String name, String detail) {
    assertThatThrownBy(() -> file(name, null))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining(detail);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          matlab_polarities.npy | subtract 1 from p
          objects.npy           | hold Python objects
          events_in_records.npz | 'events' holds records
          frames.npz            | it holds the arrays [frames [4, 2, 34, 34]]
          pickled.npz           | 'x' holds Python objects
          """)
  void refusesEventsWithTheCorrection(String name, String detail) {
    assertThatThrownBy(() -> events(Map.of("0/a" + suffix(name), bytes(name))))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining(detail);
  }

  /** Three events in the format of N-MNIST. */
  private static final class EventsOfMnist {
    static final byte[] THREE = {1, 1, 0, 0, 1, 2, 2, 0, 0, 2, 3, 3, 0, 0, 3};
  }

  @Test
  void refusesArchivesWithTestRecordingsOnly() throws IOException {
    assertThatThrownBy(() -> events(Map.of("test/0/a.bin", EventsOfMnist.THREE)))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("in test folders only");
  }

  @Test
  void understandsThePathsOfOtherArchivers() throws IOException {
    var read =
        events(
            Map.of(
                "Train_Set\\1\\a.bin", EventsOfMnist.THREE,
                "./training data/2/a.bin", EventsOfMnist.THREE,
                "Test Set/1/a.bin", EventsOfMnist.THREE,
                "validation_split/1/a.bin", EventsOfMnist.THREE));
    assertThat(read.dataset().labels()).containsExactlyInAnyOrder(1, 2, 1);
    assertThat(read.dataset().trainSize()).isEqualTo(2);
    assertThat(read.reading().leftOut()).containsExactly("validation_split/1/a.bin");
  }

  @Test
  void readsNamesOfClassesInUtf8AndRefusesOtherEncodings() throws IOException {
    var files = Map.of("Löwe/a.bin", EventsOfMnist.THREE, "Bär/a.bin", EventsOfMnist.THREE);
    assertThat(events(files).reading().classNames()).containsExactly("Bär", "Löwe");
    var windows = zip(files, Charset.forName("IBM437"));
    assertThatThrownBy(() -> read(Map.of("events", windows), CAMERA))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("names that are not in UTF-8");
  }

  @Test
  void neverGivesAClassTheNameOfAnother() throws IOException {
    var cache = Objects.requireNonNull(getClass().getResourceAsStream("/events/tonic_cache.hdf5"));
    var labelled = cache.readAllBytes();
    var large = new Recipe(4, 260, 346, null, null, null, null, Preparation.NONE);
    var read = read(Map.of("events", zip(Map.of("my_cache/0_0.hdf5", labelled))), large);
    assertThat(read.dataset().labels()).containsExactly(7);
    assertThat(read.reading().classNames()).isNull();
    assertThat(read.reading().assumed())
        .contains("labels: as stated in the files, not from the folders");
    assertThatThrownBy(
            () ->
                read(
                    Map.of(
                        "events",
                        zip(Map.of("a/0.hdf5", labelled, "b/0.bin", EventsOfMnist.THREE))),
                    large))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("states no label, but");
  }

  private static ReadDataset file(String name, @Nullable Recipe recipe) throws IOException {
    return read(Map.of("file", resource(name)), recipe);
  }

  private static ReadDataset events(Map<String, byte[]> files) throws IOException {
    return read(Map.of("events", zip(files)), CAMERA);
  }

  private static ReadDataset read(
      Map<String, ? extends InputStreamSource> files, @Nullable Recipe recipe) throws IOException {
    var parts = new LinkedHashMap<String, InputStreamSource>(files);
    parts.put(Recipe.PART, (recipe == null ? Recipe.NONE : recipe).part());
    return Samples.read("odd", parts, new Unpacking(1 << 26, Long.MAX_VALUE, Compute.UNBOUNDED));
  }

  private static String suffix(String name) {
    return name.substring(name.lastIndexOf('.'));
  }

  private static InputStreamSource resource(String name) {
    return new ByteArrayResource(bytes(name));
  }

  private static byte[] bytes(String name) {
    try (var in = FileCorrectionsTest.class.getResourceAsStream("/corrections/" + name)) {
      return Objects.requireNonNull(in, name).readAllBytes();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static InputStreamSource zip(Map<String, byte[]> files) throws IOException {
    return zip(files, StandardCharsets.UTF_8);
  }

  private static InputStreamSource zip(Map<String, byte[]> files, Charset names)
      throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes, names)) {
      for (var file : files.entrySet()) {
        zip.putNextEntry(new ZipEntry(file.getKey()));
        zip.write(file.getValue());
      }
    }
    return new ByteArrayResource(bytes.toByteArray());
  }
}
