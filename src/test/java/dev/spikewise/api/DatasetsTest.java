package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.jhdf.HdfFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;

class DatasetsTest extends ServiceTest {

  @Test
  void storesNpzOnceThenListsAnalysesAndDeletesIt() throws IOException {
    var npz = npz(Map.of("x", floats(2, 1, 4, 4), "y", npy("<i8", 8, 0, 1)));
    var created = upload(Map.of("name", bytes("squares"), "file", npz));
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    var path = created.headers().firstValue("Location").orElseThrow();
    var dataset = body(get(path));
    assertThat(dataset).isEqualTo(body(created));
    assertThat(dataset.get("samples").asInt()).isEqualTo(2);
    assertThat(dataset.get("classes").asInt()).isEqualTo(2);
    assertThat(dataset.get("shape").toString()).isEqualTo("[1,4,4]");
    assertThat(upload(Map.of("name", bytes("again"), "file", npz)).statusCode()).isEqualTo(200);
    assertThat(body(get("/api/v1/datasets?limit=1")).get("data").get(0)).isEqualTo(dataset);
    var analysis = post("/api/v1/analyses", training(dataset.get("id").asString(), ""));
    assertThat(analysis.statusCode()).as(analysis.body()).isEqualTo(200);
    assertThat(delete(path).statusCode()).isEqualTo(204);
    problem(get(path), 404, "not_found");
  }

  @Test
  void concurrentUploadsOfSameFilesAreStoredOnce() throws Exception {
    var npz = npz(Map.of("x", floats(3, 1, 4, 4), "y", npy("<i8", 8, 0, 1, 1)));
    try (var clients = Executors.newVirtualThreadPerTaskExecutor()) {
      Callable<HttpResponse<String>> upload =
          () -> upload(Map.of("name", bytes("at once"), "file", npz));
      var answers = clients.invokeAll(Collections.nCopies(8, upload));
      var created = new ArrayList<HttpResponse<String>>();
      for (var answer : answers) {
        assertThat(answer.get().statusCode()).as(answer.get().body()).isIn(200, 201);
        if (answer.get().statusCode() == 201) {
          created.add(answer.get());
        }
      }
      assertThat(created).hasSize(1);
      var path = created.getFirst().headers().firstValue("Location").orElseThrow();
      assertThat(delete(path).statusCode()).isEqualTo(204);
    }
  }

  /** A page ends with the data set that makes it longer than 2 MB: here the third with 0.9 MB. */
  @Test
  void namesOfClassesAreBoundedAndSoArePagesOfThem() throws Exception {
    var sets = new ArrayList<String>();
    for (int set = 0; set < 4; set++) {
      var created = upload(classes(set, 4_500));
      assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
      sets.add(created.headers().firstValue("Location").orElseThrow());
    }
    var page = body(get("/api/v1/datasets?limit=4"));
    assertThat(page.get("data").size()).isEqualTo(3);
    var rest = get("/api/v1/datasets?limit=1&cursor=" + page.get("next_cursor").asString());
    assertThat(body(rest).at("/data/0/name").asString()).isEqualTo("classes 0");
    for (var path : sets) {
      assertThat(delete(path).statusCode()).isEqualTo(204);
    }
    var refused = problem(upload(classes(4, 5_500)), 422, "invalid_spec").at("/errors/0");
    assertThat(refused.at("/pointer").asString()).isEqualTo("/events");
    assertThat(refused.at("/detail").asString()).contains("class names");
  }

  private static Map<String, byte[]> classes(int set, int number) throws IOException {
    var events = new TreeMap<String, byte[]>();
    for (int c = 0; c < number; c++) {
      events.put("%s%05d/%d.bin".formatted("n".repeat(193), c, set), new byte[] {0, 0, 0, 0, 1});
    }
    return Map.of(
        "name", bytes("classes " + set),
        "events", zip(events),
        "time_steps", bytes("1"),
        "height", bytes("1"),
        "width", bytes("1"));
  }

  private static final Set<String> FIELDS = Set.of("name", "time_steps", "height", "width");

  @Test
  void eventRecordingsAreFramedAndTrained() throws Exception {
    // Two events in the first half, one after the clock's overflow in the second.
    byte[] bin = {
      3, 1, (byte) 0x80, 0, 10, 3, 1, 0, 0, 11, 0, (byte) 240, 0, 0, 12, 2, 0, (byte) 0x80, 0, 13
    };
    var records = structured(new int[][] {{3, 1, 5, 1}, {2, 0, 900, 0}});
    var rows = npy("<i4", 4, new int[] {2, 4}, 3, 1, 5, 1, 2, 0, 900, 0);
    var zip =
        zip(
            Map.of(
                "Train/0/a.bin", bin,
                "Train/1/b.npy", records,
                "Train/1/c.npy", rows,
                "Test/0/d.h5", hdf5(new int[][] {{3, 1, 5, 1}, {2, 0, 900, 0}})));
    var parts = new LinkedHashMap<String, byte[]>();
    parts.put("name", bytes("events"));
    parts.put("events", zip);
    var missing = problem(upload(parts), 422, "invalid_spec");
    assertThat(missing.get("errors").valueStream().map(e -> e.get("pointer").asString()))
        .containsExactly("/time_steps", "/height", "/width");
    parts.put("time_steps", bytes("2"));
    parts.put("height", bytes("2"));
    parts.put("width", bytes("4"));
    var created = upload(parts);
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    var dataset = body(created);
    assertThat(dataset.get("shape").toString()).isEqualTo("[2,2,4]");
    assertThat(dataset.get("time_steps").asInt()).isEqualTo(2);
    assertThat(dataset.get("samples").asInt()).isEqualTo(4);
    assertThat(dataset.get("test_samples").asInt()).isEqualTo(1);
    assertThat(upload(parts).statusCode()).isEqualTo(200);

    // A weight reaches one output: the synops of three recordings are their events, 3, 2 and 2.
    var analysis =
        post(
            "/api/v1/analyses",
            """
            {"model": {"input_shape": [2, 2, 4], "layers": [{"type": "Flatten"}, {"type": "Linear", "out_features": 1}]},
             "input": {"type": "dataset", "id": "%s", "encoding": "spikes"}, "time_steps": 2, "batch_size": 3}\
            """
                .formatted(dataset.get("id").asString()));
    assertThat(analysis.statusCode()).as(analysis.body()).isEqualTo(200);
    assertThat(body(analysis).get("synops").asDouble()).isCloseTo(7 / 3.0, within(1e-9));

    parts.put("width", bytes("3"));
    assertThat(problem(upload(parts), 422, "invalid_spec").at("/errors/0/detail").asString())
        .contains("outside the 2 x 3 pixels");
    parts.put("events", zip(Map.of("a.bin", bin)));
    problem(upload(parts), 422, "invalid_spec");
    parts.put("events", zip(Map.of("0/a.bin", Arrays.copyOf(bin, 7))));
    assertThat(problem(upload(parts), 422, "invalid_spec").at("/errors/0/pointer").asString())
        .isEqualTo("/events/0~1a.bin");
    parts.put("events", bytes("no zip"));
    problem(upload(parts), 422, "invalid_spec");
  }

  /** NumPy's array of records with the fields x, y, t and p. */
  private static byte[] structured(int[][] events) {
    var text =
        bytes(
            "{'descr': [('x', '<i2'), ('y', '<i2'), ('t', '<i8'), ('p', '|b1')],"
                + " 'fortran_order': False, 'shape': ("
                + events.length
                + ",), }\n");
    var head = new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) text.length, 0};
    var records = ByteBuffer.allocate(events.length * 13).order(ByteOrder.LITTLE_ENDIAN);
    for (int[] e : events) {
      records.putShort((short) e[0]).putShort((short) e[1]).putLong(e[2]).put((byte) e[3]);
    }
    return concat(concat(head, text), records.array());
  }

  private static byte[] hdf5(int[][] events) throws IOException {
    var path = Files.createTempFile("events", ".h5");
    try (var hdf = HdfFile.write(path)) {
      var group = hdf.putGroup("events");
      String[] names = {"x", "y", "t", "p"};
      for (int c = 0; c < names.length; c++) {
        int column = c;
        group.putDataset(names[c], Arrays.stream(events).mapToInt(e -> e[column]).toArray());
      }
    }
    byte[] file = Files.readAllBytes(path);
    Files.delete(path);
    return file;
  }

  private static byte[] zip(Map<String, byte[]> files) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      for (var file : new TreeMap<>(files).entrySet()) {
        var entry = new ZipEntry(file.getKey());
        entry.setTime(0);
        zip.putNextEntry(entry);
        zip.write(file.getValue());
      }
    }
    return bytes.toByteArray();
  }

  @Test
  void idxFilesMayBeInGzip() throws IOException {
    var created =
        upload(Map.of("name", bytes("idx"), "images", gzip(idx(3, 2, 4, 4)), "labels", idx(5, 2)));
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    assertThat(body(created).get("shape").toString()).isEqualTo("[1,4,4]");
    assertThat(body(created).get("classes").asInt()).isEqualTo(6);
  }

  @Test
  void neverTrainsOnTestSplit() throws IOException, InterruptedException {
    // What is trained on is all white and of class 0; the test split is black and of class 1.
    var white = npy("|u1", 1, new int[] {4, 1, 4, 4}, 1);
    var npz =
        npz(
            Map.of(
                "x", white,
                "y", npy("<i8", 8, 0, 0, 0, 0),
                "x_test", npy("|u1", 1, new int[] {2, 1, 4, 4}, 0),
                "y_test", npy("<i8", 8, 1, 1)));
    var created = upload(Map.of("name", bytes("split"), "file", npz));
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    assertThat(body(created).get("samples").asInt()).isEqualTo(6);
    assertThat(body(created).get("test_samples").asInt()).isEqualTo(2);
    var id = body(created).get("id").asString();
    var learn =
        training(id, "")
            .replace(
                "\"time_steps\"",
                "\"epochs\": 3, \"loss\": [{\"type\": \"cross_entropy\"}], \"time_steps\"");
    var job = post("/api/v1/jobs", learn).headers().firstValue("Location").orElseThrow();
    var last = await(job, "succeeded").get("latest");
    // All that can be learned there is to answer with class 0.
    assertThat(last.get("test_accuracy").asDouble()).isZero();
    problem(post("/api/v1/jobs", training(id, ", \"test_fraction\": 0.5")), 422, "invalid_spec");
  }

  @Test
  void readsIdxTestSplitFromFurtherParts() throws IOException {
    var created =
        upload(
            Map.of(
                "name", bytes("idx split"),
                "images", idx(3, 2, 4, 4),
                "labels", idx(5, 2),
                "test_images", gzip(idx(7, 1, 4, 4)),
                "test_labels", idx(9, 1)));
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    assertThat(body(created).get("test_samples").asInt()).isEqualTo(1);
    var parts = Map.of("images", idx(3, 2, 4, 4), "labels", idx(5, 2));
    var lonely = new LinkedHashMap<>(parts);
    lonely.put("test_images", idx(3, 2, 4, 4));
    refused(lonely, "");
    var odd = new LinkedHashMap<>(parts);
    odd.put("test_images", idx(3, 2, 5, 5));
    odd.put("test_labels", idx(5, 2));
    refused(odd, "/test_images");
  }

  @Test
  void refusesToDeleteDatasetInUse() throws IOException {
    var npz =
        npz(Map.of("spikes", npy("|u1", 1, new int[] {1, 2, 1, 4, 4}, 1), "y", npy("<f4", 4, 0)));
    var created = upload(Map.of("name", bytes("spikes"), "file", npz));
    assertThat(body(created).get("time_steps").asInt()).isEqualTo(2);
    var path = created.headers().firstValue("Location").orElseThrow();
    var job =
        post(
            "/api/v1/jobs",
            training(
                    body(created).get("id").asString(),
                    ", \"encoding\": \"spikes\", \"test_fraction\": 0")
                // Without a loss term the network might be silent for good, which ends a job at
                // once.
                .replace(
                    "\"time_steps\"",
                    "\"epochs\": 100000000, \"loss\": [{\"type\": \"firing_rate\", \"min\": 0.5}],"
                        + " \"time_steps\""));
    assertThat(job.statusCode()).as(job.body()).isEqualTo(202);
    problem(delete(path), 409, "conflict");
    post(job.headers().firstValue("Location").orElseThrow() + "/cancel", "");
    problem(delete("/api/v1/datasets/digits"), 409, "conflict");
  }

  @Test
  void everyUnusableFileIsNamed() throws IOException {
    var x = floats(2, 1, 4, 4);
    refused(Map.of("file", npz(Map.of("x", x))), "/file/y");
    refused(Map.of("file", npz(Map.of("y", npy("<i8", 8, 0, 1)))), "/file/x");
    refused(Map.of("file", npz(Map.of("x", x, "y", npy("<i8", 8, 0)))), "/file/y");
    refused(Map.of("file", npz(Map.of("x", x, "y", npy("<i8", 8, 0, -1)))), "/file/y/1");
    refused(Map.of("file", npz(Map.of("x", x, "y", npy("|O", 8, 0, 1)))), "/file/y");
    refused(Map.of("file", npz(Map.of("x", huge(), "y", npy("<i8", 8, 0)))), "/file");
    refused(Map.of("file", bytes("no zip")), "/file");
    refused(Map.of("images", idx(3, 2, 4, 4)), "");
    var images = gzip(idx(3, 2, 4, 4));
    refused(
        Map.of("images", Arrays.copyOf(images, images.length / 2), "labels", idx(5, 2)), "/images");
    refused(Map.of("images", idx(3, 2, 4, 4), "labels", idx(5, 3)), "/labels");
    problem(upload(Map.of("file", npz(Map.of("x", x)))), 422, "invalid_spec");
    problem(post("/api/v1/datasets", "{}"), 415, "unsupported_media_type");
    problem(
        post("/api/v1/datasets", "x", "Content-Type", "multipart/form-data"),
        400,
        "malformed_body");
  }

  private void refused(Map<String, byte[]> files, String pointer) {
    var parts = new LinkedHashMap<>(files);
    parts.put("name", bytes("refused"));
    var problem = problem(upload(parts), 422, "invalid_spec");
    assertThat(problem.get("errors").get(0).get("pointer").asString())
        .as(problem.toString())
        .isEqualTo(pointer);
  }

  private static String training(String dataset, String options) {
    return """
    {"model": {"input_shape": [1, 4, 4], "layers": [
      {"type": "Flatten"}, {"type": "Linear", "out_features": 2}, {"type": "IAF"}]},
     "input": {"type": "dataset", "id": "%s"%s}, "time_steps": 2}\
    """
        .formatted(dataset, options);
  }

  private HttpResponse<String> upload(Map<String, byte[]> parts) {
    var body = new ByteArrayOutputStream();
    parts.forEach(
        (name, content) -> {
          var file = FIELDS.contains(name) ? "" : "; filename=\"" + name + "\"";
          body.writeBytes(
              bytes(
                  "--b\r\nContent-Disposition: form-data; name=\""
                      + name
                      + "\""
                      + file
                      + "\r\n\r\n"));
          body.writeBytes(content);
          body.writeBytes(bytes("\r\n"));
        });
    body.writeBytes(bytes("--b--\r\n"));
    var type = "multipart/form-data; boundary=b";
    return send(
        "POST",
        "/api/v1/datasets",
        BodyPublishers.ofByteArray(body.toByteArray()),
        "Content-Type",
        type);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] npz(Map<String, byte[]> arrays) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new ZipOutputStream(bytes)) {
      for (var array : arrays.entrySet()) {
        var entry = new ZipEntry(array.getKey() + ".npy");
        entry.setTime(0);
        zip.putNextEntry(entry);
        zip.write(array.getValue());
      }
    }
    return bytes.toByteArray();
  }

  private static byte[] floats(int... shape) {
    return npy("<f4", 4, shape, 0x3f000000);
  }

  private static byte[] npy(String type, int width, int... values) {
    return npy(type, width, new int[] {values.length}, values);
  }

  /** An array of whole numbers, {@code values} over and over. */
  private static byte[] npy(String type, int width, int[] shape, int... values) {
    int size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
    var bytes = ByteBuffer.allocate(size * width).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < size; i++) {
      var value =
          ByteBuffer.allocate(8)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putLong(0, values[i % values.length]);
      bytes.put(value.array(), 0, width);
    }
    return concat(header(type, shape), bytes.array());
  }

  /** An array that claims more than it has. */
  private static byte[] huge() {
    return header("<f4", 100_000, 100_000);
  }

  private static byte[] header(String type, int... shape) {
    var dims = Arrays.stream(shape).mapToObj(d -> d + ",").reduce("", String::concat);
    var text =
        bytes("{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + dims + "), }\n");
    var head = new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) text.length, 0};
    return concat(head, text);
  }

  private static byte[] idx(int value, int... shape) {
    int size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
    var bytes = ByteBuffer.allocate(4 + 4 * shape.length + size).putInt(0x0800 | shape.length);
    Arrays.stream(shape).forEach(bytes::putInt);
    Arrays.fill(bytes.array(), bytes.position(), bytes.capacity(), (byte) value);
    return bytes.array();
  }

  private static byte[] gzip(byte[] content) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(bytes)) {
      gzip.write(content);
    }
    return bytes.toByteArray();
  }

  private static byte[] concat(byte[] first, byte[] second) {
    var all = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, all, first.length, second.length);
    return all;
  }
}
