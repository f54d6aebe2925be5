package dev.spikewise.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.SampleValues;
import dev.spikewise.spec.Preparation;
import dev.spikewise.spec.Shape;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.InputStreamSource;

/**
 * Data sets as they occur outside of benchmarks: each is read with the right values, or refused
 * with the way to repair it. {@code src/test/python/odd_files.py} writes them.
 */
class OddFilesTest {

  private static final Recipe CAMERA =
      new Recipe(4, 8, 8, null, null, null, null, Preparation.NONE);

  /** Bytes, endianness and axis order of the file do not matter. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "big_endian.npz",
        "fortran.npz",
        "float64.npz",
        "half.npz",
        "uint16_scaled_by_255.npz",
        "bool.npz"
      })
  void readsImagesOfAnyNumberType(String file) throws IOException {
    var read = read("file", file, Recipe.NONE);
    var dataset = read.dataset();
    assertThat(dataset.shape()).isEqualTo(Shape.of(1, 3, 5));
    assertThat(dataset.labels()).containsExactly(0, 1, 2, 1);
    assertThat(dataset.trainSize()).isEqualTo(4);
    var values = new float[15];
    for (int i = 0; i < 4; i++) {
      dataset.values().read(i, values);
      for (int row = 0; row < 3; row++) {
        for (int column = 0; column < 5; column++) {
          int level = i + row + column == 0 ? 16 : Math.floorMod(i + 2 * row + 4 * column, 16) + 1;
          assertThat(values[5 * row + column])
              .isEqualTo(
                  switch (file) {
                    case "bool.npz" -> level > 8 ? 1f : 0f;
                    case "uint16_scaled_by_255.npz" -> 15 * level / 255f;
                    default -> level / 16f;
                  });
        }
      }
    }
  }

  @Test
  void readsIdxFilesCompressedWithGzip() throws IOException {
    var files = new LinkedHashMap<String, InputStreamSource>();
    files.put("images", resource("images.idx.gz"));
    files.put("labels", resource("labels.idx.gz"));
    var read = read(files, Recipe.NONE);
    assertThat(read.dataset().shape()).isEqualTo(Shape.of(1, 3, 5));
    assertThat(read.dataset().labels()).containsExactly(0, 1, 2, 1);
  }

  @Test
  void readsImagesOf12BitsWithTheirScale() throws IOException {
    var scaled = new Recipe(null, null, null, null, null, null, 4080.0, Preparation.NONE);
    var values = new float[15];
    read("file", "uint16_12bit.npz", scaled).dataset().values().read(0, values);
    assertThat(values[0]).isEqualTo(1);
    assertThat(values[1]).isEqualTo(5 / 16f);
  }

  @Test
  void statesThatLabelsBeginAtOne() throws IOException {
    var read = read("file", "labels_from_1.npz", Recipe.NONE);
    assertThat(read.dataset().labels()).containsExactly(1, 2, 3, 2);
    assertThat(read.reading().assumed())
        .anyMatch(text -> text.startsWith("labels: they begin at 1"));
    assertThat(read.reading().classCounts()).containsExactly(0, 1, 2, 1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "uint16_12bit.npz | grey levels from 0 to 255, but holds 4080.0: store floats, or give"
            + " scale",
        "labels_half.npz | must be a whole number from 0 to 65535 but was 0.5",
        "labels_negative.npz | must be a whole number from 0 to 65535 but was -1.0",
        "labels_nan.npz | must be a whole number from 0 to 65535 but was NaN",
        "labels_one_hot.npz | must have shape [n] or [n, 1], or [n, t] for spike trains, but was"
            + " [4, 3]",
        "labels_text.npz | 'y' holds text: store numbers",
        "nan.npz | must hold finite numbers, but holds NaN",
        "complex.npz | 'x' holds values of type 'descr': '<c8', not numbers",
        "objects.npz | 'x' holds Python objects, which are not read because unpickling runs code",
        "test_without_labels.npz | is missing, but the file has x_test: add the labels",
        "test_of_another_size.npz | has samples of another shape, [2, 5], than the training"
            + " samples, [3, 5]",
        "images_and_spikes.npz | must be left out of a file that has the images x",
        "other_names.npz | is missing: store the images as x or the spike trains as spikes; found"
            + " [data, target]",
        "images.idx.gz | is compressed with gzip: unpack it",
        "images.idx | is an IDX file: send the images as the part images",
        "array.npy | is a single .npy array",
        "table.csv | is a text file",
        "table_as_long_as_a_batch.csv | is a text file",
        "batch.pickle | is a pickled Python object",
        "cifar.tar.gz | is compressed with gzip",
        "empty.npz | not an .npz file, or one without arrays",
      })
  void refusesFilesWithTheReason(String file, String reason) {
    assertThatThrownBy(() -> read("file", file, Recipe.NONE))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining(reason);
  }

  /** 40 events, 10 in each quarter of the recording. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "backwards.zip | order: 33 events in 1 recordings came after a later one and were sorted",
        "big_endian.zip | time_unit: s",
        "fortran.zip | columns: x,y,t,p",
        "polarity_minus_one.zip | time_unit: us",
        "epoch_nanoseconds.zip | time_unit: us",
        "epoch_seconds.zip | time_unit: s",
        "hdf5_xs.zip | time_unit: us",
        "mat_struct.zip | time_unit: us",
        "nmnist.zip |",
      })
  void readsTheSameEventsFromEachFile(String file, @Nullable String assumed) throws IOException {
    var read = read("events", file, CAMERA);
    var events = (SampleValues.Events) read.dataset().values();
    assertThat(read.reading().events()).isEqualTo(40);
    var windows = new int[4];
    Arrays.stream(events.places()[0]).forEach(place -> windows[place / (2 * 64)]++);
    assertThat(windows).containsExactly(10, 10, 10, 10);
    // All files hold the same events, and those of N-MNIST are the reference.
    var reference = (SampleValues.Events) read("events", "nmnist.zip", CAMERA).dataset().values();
    assertThat(events.places()[0]).isEqualTo(reference.places()[0]);
    if (assumed != null) {
      assertThat(read.reading().assumed()).anyMatch(text -> text.startsWith(assumed));
    }
  }

  /** Spike counts [sample, step, channel, row, column] of digits that name their place. */
  @Test
  void cropsSpikeTrainsWithoutExpandingThem() throws IOException {
    var crop =
        new Preparation(null, null, null, null, new Preparation.Crop(1, 2, 2, 3), null, null, null);
    var whole = read("file", "spikes.npz", Recipe.NONE).dataset();
    var read =
        read("file", "spikes.npz", new Recipe(null, null, null, null, null, null, null, crop))
            .dataset();
    assertThat(read.shape()).isEqualTo(Shape.of(2, 2, 3));
    assertThat(read.values()).isInstanceOf(SampleValues.Events.class);
    var all = new float[3 * 2 * 4 * 6];
    var kept = new float[3 * 2 * 2 * 3];
    for (int sample = 0; sample < 2; sample++) {
      whole.values().read(sample, all);
      read.values().read(sample, kept);
      for (int i = 0; i < kept.length; i++) {
        assertThat(kept[i]).isEqualTo(all[(i / 6 * 4 + 1 + i / 3 % 2) * 6 + 2 + i % 3]);
      }
      assertThat(kept).contains(1);
    }
  }

  @Test
  void readsHalfFloatsOfShd() throws IOException {
    var recipe = new Recipe(2, null, null, null, null, null, null, Preparation.NONE);
    var dataset = read("file", "shd_half_floats.h5", recipe).dataset();
    var values = new float[2 * 700];
    dataset.values().read(1, values);
    assertThat(values[1]).isEqualTo(1);
    assertThat(values[699]).isEqualTo(1);
    assertThat(values[703]).isEqualTo(1);
    assertThat(dataset.labels()).containsExactly(0, 1);
  }

  @Test
  void takesLabelsThatFilesStateWithoutTheNamesOfFolders() throws IOException {
    var read = read("events", "cache_with_labels.zip", CAMERA);
    assertThat(read.dataset().labels()).containsExactly(7, 2);
    assertThat(read.reading().classNames()).isNull();
    assertThat(read.reading().assumed())
        .contains("labels: as stated in the files, not from the folders");
  }

  @Test
  void statesThatRecordingsAreEmpty() throws IOException {
    var read = read("events", "one_empty.zip", CAMERA);
    assertThat(read.dataset().labels()).containsExactly(0, 1);
    assertThat(read.reading().assumed()).contains("events: 1 recordings contain none");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "backwards_rows.zip | give the parameter columns",
        "polarity_three.zip | column p contains -1, 0 and 1",
        "polarity_one_two.zip | column p must contain polarities 0 and 1, or -1 and 1, but contains"
            + " 2.0",
        "unsigned_overflow.zip | contains 9223372036854775813, more than a signed integer of 64"
            + " bits can hold",
        "nan_time.zip | holds NaN, which is not a finite number",
        "datetime.zip | its records have fields that are not plain numbers",
        "two_sensors.zip | is outside the 8 x 8 pixels: check height, width and columns",
        "two_units.zip | give time_unit",
        "hdf5_stereo.zip | it contains 2 recordings (/prophesee/left/, /prophesee/right/)",
        "mat_two_structs.zip | it contains 2 recordings (TD, EM): write each to a file of its own",
        "nmnist_truncated.zip | 198 bytes are not a whole number of events of 5",
        "some_with_labels.zip | states no label, but dog/b.hdf5 states one: upload them as two data"
            + " sets",
        "zip_in_zip.zip | must be a zip with recordings in folders named by class",
        "zip_in_zip.zip | found data.zip",
        "csv.zip | found 0/a.csv, 1/b.csv",
        "no_folders.zip | it must be in a folder named by its class",
        "empty.zip | found no files",
        "table.csv | must be a zip with recordings",
      })
  void refusesRecordingsWithTheReason(String file, String reason) {
    assertThatThrownBy(() -> read("events", file, CAMERA))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining(reason);
  }

  private static ReadDataset read(String part, String file, Recipe recipe) throws IOException {
    return read(Map.of(part, resource(file)), recipe);
  }

  private static ReadDataset read(Map<String, InputStreamSource> files, Recipe recipe)
      throws IOException {
    var parts = new LinkedHashMap<>(files);
    parts.put(Recipe.PART, recipe.part());
    return Samples.read("odd", parts, new Unpacking(1 << 26, Long.MAX_VALUE, Compute.UNBOUNDED));
  }

  private static InputStreamSource resource(String name) {
    return new ClassPathResource("/odd/" + name);
  }
}
