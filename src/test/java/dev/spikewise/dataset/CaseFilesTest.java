package dev.spikewise.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.Npz;
import dev.spikewise.snn.data.SampleValues;
import dev.spikewise.spec.Preparation;
import dev.spikewise.spec.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.InputStreamSource;

/** Files that people have, each read right or refused with the reason. */
class CaseFilesTest {

  private static final long ROOM = 1 << 26;

  /** Events in four equal windows of the recording that all ev_*.zip hold. */
  private static final int[] WINDOWS = {271, 263, 228, 238};

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ev_classnames",
        "ev_event_utils",
        "ev_macos",
        "ev_metavision_eventcd",
        "ev_seconds_struct",
        "ev_spikingjelly",
        "ev_tonic_dvsgesture"
      })
  void countsTheSameEventsInEveryFormat(String name) throws IOException {
    var read = read(Map.of("events", file(name + ".zip")), camera(Preparation.NONE));
    assertThat(read.dataset().labels()).containsExactly(0);
    assertThat(windows(read)).isEqualTo(WINDOWS);
    assertThat(read.reading().events()).isEqualTo(1000);
    assertThat(read.reading().density()).hasSize(4);
    assertThat(read.reading().density().getFirst() * 2 * 34 * 34).isBetween(270.99, 271.01);
  }

  @Test
  void statesWhatItAssumedAndLeftOut() throws IOException {
    assertThat(events("ev_seconds_struct.zip").reading().assumed())
        .anyMatch(text -> text.startsWith("time_unit: s"));
    assertThat(events("ev_tonic_dvsgesture.zip").reading().assumed())
        .anyMatch(text -> text.startsWith("time_unit: ms"))
        .anyMatch(text -> text.startsWith("columns: x,y,p,t"));
    assertThat(events("ev_macos.zip").reading().leftOut()).containsExactly("__MACOSX/0/._a.npy");
    assertThat(events("ev_classnames.zip").reading().classNames()).containsExactly("airplane");
  }

  @Test
  void readsBooleanPolaritiesOfHdf5() throws IOException {
    var zip = zip(Map.of("0/a.H5", bytes("h5_bool_polarity.h5"), "0/README.md", new byte[1]));
    var read = read(Map.of("events", new ByteArrayResource(zip)), camera(Preparation.NONE));
    assertThat(read.reading().events()).isEqualTo(200);
    assertThat(read.reading().leftOut()).containsExactly("0/README.md");
  }

  @Test
  void readsSpikeTrainsOfShdSparsely() throws IOException {
    var recipe = new Recipe(100, null, null, null, null, null, null, Preparation.NONE);
    for (var part : new String[] {"file", "events"}) {
      var read = read(Map.of(part, file("shd_like.h5")), recipe);
      assertThat(read.dataset().size()).isEqualTo(3);
      assertThat(read.dataset().shape()).isEqualTo(Shape.of(700));
      assertThat(read.dataset().timeSteps()).isEqualTo(100);
      assertThat(read.dataset().labels()).containsExactly(0, 1, 2);
      assertThat(read.reading().events()).isEqualTo(150);
      // 3 x 100 x 700 floats would be 840,000 bytes.
      assertThat(read.reading().memoryBytes()).isLessThan(1000);
      assertThat(read.reading().assumed()).anyMatch(text -> text.contains("700 channels"));
      // Unit 317 spikes first, at 4.898 ms of 0.9907 s: in the first of 100 frames.
      var values = new float[100 * 700];
      read.dataset().values().read(0, values);
      assertThat(values[317]).isEqualTo(1);
    }
  }

  @Test
  void describesAnHdf5FileOfAnotherLayout() {
    assertThatThrownBy(
            () ->
                read(
                    Map.of(
                        "events",
                        new ByteArrayResource(zip(Map.of("0/a.h5", bytes("shd_like.h5"))))),
                    camera(Preparation.NONE)))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("array labels, group extra, group spikes")
        .hasMessageContaining("not a layout known here; known: ");
  }

  @Test
  void transposesImagesWithChannelsLastWhenAsked() throws IOException {
    var plain = read(Map.of("file", file("nhwc_red.npz")), Recipe.NONE);
    assertThat(plain.dataset().shape()).isEqualTo(Shape.of(8, 8, 3));
    var recipe = new Recipe(null, null, null, null, null, "channels_last", null, Preparation.NONE);
    var read = read(Map.of("file", file("nhwc_red.npz")), recipe).dataset();
    assertThat(read.shape()).isEqualTo(Shape.of(3, 8, 8));
    var values = new float[192];
    read.values().read(7, values);
    assertThat(Arrays.copyOf(values, 64)).containsOnly(1);
    assertThat(Arrays.copyOfRange(values, 64, 192)).containsOnly(0);
  }

  @Test
  void scalesTrainingAndTestSamplesAlike() throws IOException {
    var read = read(Map.of("file", file("train_max12_test_max40.npz")), Recipe.NONE);
    assertThat(read.reading().scale()).isEqualTo(255);
    assertThat(read.reading().assumed()).anyMatch(text -> text.contains("divided by 255"));
    assertThat(read.dataset().values().range().highest()).isEqualTo(40 / 255f);
    var values = new float[50];
    float highest = 0;
    for (int i = 0; i < read.dataset().trainSize(); i++) {
      read.dataset().values().read(i, values);
      for (float value : values) {
        highest = Math.max(highest, value);
      }
    }
    assertThat(highest).isEqualTo(12 / 255f);
    var halved = new Recipe(null, null, null, null, null, null, 2.0, Preparation.NONE);
    assertThat(
            read(Map.of("file", file("train_max12_test_max40.npz")), halved)
                .dataset()
                .values()
                .range()
                .highest())
        .isEqualTo(20);
  }

  @Test
  void takesLabelsInAColumn() throws IOException {
    var read = read(Map.of("file", file("labels_n1.npz")), Recipe.NONE);
    assertThat(read.dataset().labels()).hasSize(20);
    assertThat(read.dataset().shape()).isEqualTo(Shape.of(1, 8, 8));
  }

  @Test
  void readsBinaryBatchesOfCifar() throws IOException {
    var batch = new byte[2 * 3073];
    batch[0] = 6;
    batch[1] = (byte) 255;
    batch[3073] = 9;
    batch[2 * 3073 - 1] = (byte) 51;
    var read = read(Map.of("file", new ByteArrayResource(batch)), Recipe.NONE);
    assertThat(read.dataset().labels()).containsExactly(6, 9);
    assertThat(read.dataset().shape()).isEqualTo(Shape.of(3, 32, 32));
    var values = new float[3072];
    read.dataset().values().read(0, values);
    assertThat(values[0]).isEqualTo(1);
    read.dataset().values().read(1, values);
    assertThat(values[3071]).isEqualTo(0.2f);
  }

  @Test
  void readsTheArrayNamesOfKeras() throws IOException {
    var read = read(Map.of("file", resource("/images/keras.npz")), Recipe.NONE);
    assertThat(read.dataset().shape()).isEqualTo(Shape.of(1, 6, 5));
    assertThat(read.dataset().labels()).containsExactly(5, 0, 4, 1, 7, 2);
    assertThat(read.dataset().trainSize()).isEqualTo(4);
    var arrays = Npz.read(resource("/images/keras.npz").getInputStream(), ROOM);
    assertEquals(read.dataset(), 3, arrays.get("x_train"), 3, i -> i);
    assertEquals(read.dataset(), 5, arrays.get("x_test"), 1, i -> i);
  }

  /** MedMNIST's images are [n, H, W, 3] and its labels [n, 1]; its validation part is left out. */
  @Test
  void readsTheArrayNamesOfMedMnist() throws IOException {
    var read = read(Map.of("file", resource("/images/medmnist.npz")), Recipe.NONE);
    assertThat(read.dataset().shape()).isEqualTo(Shape.of(3, 6, 5));
    assertThat(read.dataset().labels()).containsExactly(2, 0, 1, 0, 2);
    assertThat(read.dataset().trainSize()).isEqualTo(3);
    assertThat(read.reading().assumed()).contains("layout: channels_last, as in MedMNIST");
    assertThat(read.reading().leftOut())
        .containsExactlyInAnyOrder("array val_images", "array val_labels");
    var arrays = Npz.read(resource("/images/medmnist.npz").getInputStream(), ROOM);
    // Value [c, y, x] of a sample stands at [y, x, c] in the file.
    IntUnaryOperator place = i -> i % 30 * 3 + i / 30;
    assertEquals(read.dataset(), 1, arrays.get("train_images"), 1, place);
    assertEquals(read.dataset(), 4, arrays.get("test_images"), 1, place);
  }

  private static void assertEquals(
      Dataset dataset, int sample, Npz.@Nullable Array array, int of, IntUnaryOperator place) {
    var values = new float[dataset.values().sampleSize()];
    dataset.values().read(sample, values);
    for (int i = 0; i < values.length; i++) {
      assertThat(values[i])
          .isEqualTo(
              (float) Objects.requireNonNull(array).value(of * values.length + place.applyAsInt(i))
                  / 255);
    }
  }

  @Test
  void refusesHdf5CompressedWithBloscByItsName() {
    assertThatThrownBy(
            () ->
                read(
                    Map.of(
                        "events",
                        new ByteArrayResource(
                            zip(Map.of("0/a.h5", bytes(resource("/events/blosc.h5")))))),
                    camera(Preparation.NONE)))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("Blosc (filter 32001)")
        .hasMessageContaining("h5repack -f GZIP=4");
  }

  /** Frames of a fixed duration begin at the first event; events after the last are left out. */
  @Test
  void dividesRecordingsIntoFramesOfAFixedDuration() throws IOException {
    var preparation = new Preparation(null, 0.01, null, null, null, null, null, null);
    var read = noisy(preparation);
    var arrays = NumPy.columns(bytes(resource("/events/noisy.npy")));
    assertThat(places(read)).isEqualTo(places(arrays, arrays[2][0]));
    assertThat(read.reading().events()).isBetween(200L, 400L);
  }

  /** A folder per word, as in Speech Commands; one frame per hop of the encoding. */
  @Test
  void readsArchivesOfAudio() throws IOException {
    var wav = bytes(resource("/events/seven_16000.wav"));
    var zip =
        new ByteArrayResource(zip(Map.of("seven/a.wav", wav, "one/b.WAV", wav, "LICENSE", wav)));
    var hops = new Preparation(null, 0.005, List.of(0.0, 0.2), null, null, null, null, null);
    var recipe = new Recipe(40, null, null, null, null, null, null, hops);
    var read = read(Map.of("events", zip), recipe);
    assertThat(read.dataset().shape()).isEqualTo(Shape.of(2, 1, 20));
    assertThat(read.reading().classNames()).containsExactly("one", "seven");
    assertThat(read.reading().leftOut()).containsExactly("LICENSE");
    assertThat(read.reading().assumed())
        .anyMatch(text -> text.startsWith("encoding: Speech2Spikes, 20 mel bands"));
    var expected =
        Npz.read(resource("/events/seven_16000.wav.expected.npz").getInputStream(), ROOM);
    int[] band = Objects.requireNonNull(expected.get("x")).ints();
    int[] polarity = Objects.requireNonNull(expected.get("p")).ints();
    int[] time = Objects.requireNonNull(expected.get("t")).ints();
    assertThat(places(read))
        .isEqualTo(
            IntStream.range(0, time.length)
                .filter(i -> time[i] < 200_000)
                .map(i -> (time[i] / 5000 * 2 + polarity[i]) * 20 + band[i])
                .sorted()
                .toArray());
    var mixed =
        new ByteArrayResource(zip(Map.of("a/a.wav", wav, "b/b.npy", bytesOf("ev_macos.zip"))));
    assertThatThrownBy(() -> read(Map.of("events", mixed), recipe))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("1 audio files and 1 event recordings");
  }

  @Test
  void denoisesAsTonicDoes() throws IOException {
    var preparation = new Preparation(null, 0.01, null, 0.01, null, null, null, null);
    var start = NumPy.columns(bytes(resource("/events/noisy.npy")))[2][0];
    var expected = Npz.read(resource("/events/noisy.npy.expected.npz").getInputStream(), ROOM);
    var columns =
        Stream.of("x", "y", "t", "p")
            .map(name -> Objects.requireNonNull(expected.get(name)).ints())
            .toArray(int[][]::new);
    assertThat(columns[0]).hasSize(156);
    assertThat(places(noisy(preparation))).isEqualTo(places(columns, start));
  }

  private static ReadDataset noisy(Preparation preparation) throws IOException {
    var zip = zip(Map.of("0/a.npy", bytes(resource("/events/noisy.npy"))));
    return read(
        Map.of("events", new ByteArrayResource(zip)),
        new Recipe(20, 12, 16, "us", null, null, null, preparation));
  }

  private static int[] places(ReadDataset read) {
    var places = ((SampleValues.Events) read.dataset().values()).places()[0].clone();
    Arrays.sort(places);
    return places;
  }

  /** Places in 20 frames of 10 ms of 2 x 12 x 16 pixels of the events [x, y, t, p]. */
  private static int[] places(int[][] events, int start) {
    return IntStream.range(0, events[0].length)
        .filter(i -> events[2][i] - start < 200_000)
        .map(
            i ->
                (((events[2][i] - start) / 10_000 * 2 + events[3][i]) * 12 + events[1][i]) * 16
                    + events[0][i])
        .sorted()
        .toArray();
  }

  @Test
  void cropsImages() throws IOException {
    var preparation =
        new Preparation(null, null, null, null, new Preparation.Crop(1, 2, 3, 2), null, null, null);
    var recipe = new Recipe(null, null, null, null, null, null, null, preparation);
    var file = resource("/images/keras.npz");
    var whole = read(Map.of("file", file), Recipe.NONE).dataset();
    var read = read(Map.of("file", file), recipe).dataset();
    assertThat(read.shape()).isEqualTo(Shape.of(1, 3, 2));
    assertThat(read.trainSize()).isEqualTo(4);
    var all = new float[30];
    var kept = new float[6];
    for (int sample = 0; sample < 6; sample++) {
      whole.values().read(sample, all);
      read.values().read(sample, kept);
      for (int i = 0; i < 6; i++) {
        assertThat(kept[i]).isEqualTo(all[(1 + i / 2) * 5 + 2 + i % 2]);
      }
    }
    var outside =
        new Preparation(null, null, null, null, new Preparation.Crop(4, 0, 3, 2), null, null, null);
    assertThatThrownBy(
            () ->
                read(
                    Map.of("file", file),
                    new Recipe(null, null, null, null, null, null, null, outside)))
        .isInstanceOf(InvalidSpecException.class)
        .hasMessageContaining("must lie within the samples");
  }

  /** Reads columns of NumPy's records without the reader under test. */
  private static final class NumPy {

    /** Columns x, y, t, p of records ('<i2', '<i2', '<i8', '?'). */
    static int[][] columns(byte[] file) {
      var bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
      int from = 10 + bytes.getShort(8);
      int n = (file.length - from) / 13;
      var columns = new int[4][n];
      for (int i = 0; i < n; i++) {
        int at = from + 13 * i;
        columns[0][i] = bytes.getShort(at);
        columns[1][i] = bytes.getShort(at + 2);
        columns[2][i] = (int) bytes.getLong(at + 4);
        columns[3][i] = bytes.get(at + 12);
      }
      return columns;
    }
  }

  @Test
  void takesTestFoldersLabelsOfNumbersAndSystemFilesApart() throws IOException {
    var a = bytesOf("ev_macos.zip");
    var read =
        read(
            Map.of(
                "events",
                new ByteArrayResource(
                    zip(
                        Map.of(
                            "Train/3/a.NPY", a,
                            "Train/3/.DS_Store", new byte[1],
                            "Test/5/b.npy", a,
                            "val/5/c.npy", a,
                            "Readme.txt", new byte[1])))),
            camera(Preparation.NONE));
    assertThat(read.dataset().labels()).containsExactly(3, 5);
    assertThat(read.dataset().trainSize()).isEqualTo(1);
    assertThat(read.reading().leftOut())
        .containsExactlyInAnyOrder("Train/3/.DS_Store", "val/5/c.npy", "Readme.txt");
    assertThat(read.reading().classCounts()).containsExactly(0, 0, 0, 1, 0, 1);
  }

  @Test
  void framesByCountWindowCropAndPolarityFollowTheRecipe() throws IOException {
    var count = new Preparation(Preparation.Frames.COUNT, null, null, null, null, null, null, null);
    assertThat(windows(read(Map.of("events", file("ev_macos.zip")), camera(count))))
        .containsExactly(250, 250, 250, 250);
    var window = new Preparation(null, null, List.of(0.0, 0.1), null, null, null, true, null);
    var exact = new Recipe(4, 34, 34, "us", null, null, null, window);
    var read = read(Map.of("events", file("ev_macos.zip")), exact);
    assertThat(read.dataset().shape()).isEqualTo(Shape.of(1, 34, 34));
    assertThat(read.reading().events()).isBetween(50L, 200L);
    // Without a stated unit, 0.1 s could be anything.
    assertThatThrownBy(() -> read(Map.of("events", file("ev_macos.zip")), camera(window)))
        .hasMessageContaining("time_unit");
    var half = new Preparation(null, null, null, null, null, 2, null, null);
    var small = read(Map.of("events", file("ev_macos.zip")), camera(half));
    assertThat(small.dataset().shape()).isEqualTo(Shape.of(2, 17, 17));
    assertThat(small.reading().events()).isEqualTo(1000);
    var crop =
        new Preparation(
            null, null, null, null, new Preparation.Crop(0, 0, 17, 34), null, null, null);
    var top = read(Map.of("events", file("ev_macos.zip")), camera(crop));
    assertThat(top.dataset().shape()).isEqualTo(Shape.of(2, 17, 34));
    assertThat(top.reading().events()).isBetween(300L, 700L);
    var quiet = new Preparation(null, null, null, 1e-6, null, null, null, null);
    var none =
        read(
            Map.of("events", file("ev_macos.zip")),
            new Recipe(4, 34, 34, "us", null, null, null, quiet));
    assertThat(none.reading().events()).isLessThan(10);
  }

  private static Recipe camera(Preparation preparation) {
    return new Recipe(4, 34, 34, null, null, null, null, preparation);
  }

  private static ReadDataset events(String file) throws IOException {
    return read(Map.of("events", file(file)), camera(Preparation.NONE));
  }

  private static int[] windows(ReadDataset read) {
    var events = (SampleValues.Events) read.dataset().values();
    var windows = new int[4];
    int frame = events.sampleSize() / 4;
    Arrays.stream(events.places()[0]).forEach(place -> windows[place / frame]++);
    return windows;
  }

  private static ReadDataset read(
      Map<String, ? extends InputStreamSource> files, @Nullable Recipe recipe) throws IOException {
    var parts = new LinkedHashMap<String, InputStreamSource>(files);
    parts.put(Recipe.PART, Objects.requireNonNull(recipe).part());
    return Samples.read("case", parts, new Unpacking(ROOM, Long.MAX_VALUE, Compute.UNBOUNDED));
  }

  private static InputStreamSource file(String name) {
    return new ByteArrayResource(bytes(name));
  }

  /** The recording in an archive. */
  private static byte[] bytesOf(String zip) throws IOException {
    try (var in = new java.util.zip.ZipInputStream(new java.io.ByteArrayInputStream(bytes(zip)))) {
      in.getNextEntry();
      return in.readAllBytes();
    }
  }

  private static byte[] bytes(String name) {
    return bytes(resource("/cases/" + name));
  }

  private static byte[] bytes(InputStreamSource source) {
    try (var in = source.getInputStream()) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static InputStreamSource resource(String path) {
    return new ClassPathResource(path);
  }

  private static byte[] zip(Map<String, byte[]> files) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      for (var file : files.entrySet()) {
        zip.putNextEntry(new ZipEntry(file.getKey()));
        zip.write(file.getValue());
      }
    }
    return bytes.toByteArray();
  }
}
