package dev.spikewise.dataset;

import dev.spikewise.compute.Compute;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.Page;
import dev.spikewise.store.Database;
import dev.spikewise.store.Search;
import dev.spikewise.store.Sha256;
import dev.spikewise.tenant.Quotas;
import dev.spikewise.tenant.Tenants;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.SoftReference;
import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.core.io.InputStreamSource;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionOperations;
import org.springframework.util.unit.DataSize;
import tools.jackson.databind.json.JsonMapper;

/** Operations on data sets: the bundled `digits` and uploaded ones. */
@Service
public class Datasets {

  private static final String DIGITS = "digits";

  /** Maximum number of characters of a stored {@link Reading}. */
  private static final int MAX_READING = 1 << 20;

  private static final String SELECT =
      "select id, name, samples, test_samples, shape, time_steps, classes, created_at,"
          + " tenant, reading, version from dataset ";

  private final Dataset digits = Dataset.digits();
  private final DatasetInfo digitsInfo = digitsInfo(digits);
  private final Map<String, SoftReference<Dataset>> loaded = new ConcurrentHashMap<>();
  private final Map<String, ReentrantLock> loading = new ConcurrentHashMap<>();
  private final JdbcClient jdbc;
  private final Chunks chunks;
  private final ObjectProvider<DatasetUse> uses;
  private final Tenants tenants;
  private final Quotas quotas;
  private final JsonMapper json;
  private final TransactionOperations transactions;
  private final Compute compute;
  private final Database database;
  private final long maxBytes;
  private final long maxUnpacked;

  Datasets(
      JdbcClient jdbc,
      Chunks chunks,
      ObjectProvider<DatasetUse> uses,
      Tenants tenants,
      Quotas quotas,
      JsonMapper json,
      TransactionOperations transactions,
      Compute compute,
      Database database,
      DatasetSettings settings) {
    this.jdbc = jdbc;
    this.chunks = chunks;
    this.uses = uses;
    this.tenants = tenants;
    this.quotas = quotas;
    this.json = json;
    this.transactions = transactions;
    this.compute = compute;
    this.database = database;
    this.maxBytes = room(settings.maxSize());
    this.maxUnpacked = settings.maxUnpacked().toBytes();
  }

  /**
   * Maximum memory of a data set in this process, in bytes: the configured size, but at most a
   * quarter of the heap, because a file's bytes and its values are in memory together while it is
   * read, and trainings need memory too.
   */
  static long room(DataSize allowed) {
    return Math.min(allowed.toBytes(), Runtime.getRuntime().maxMemory() / 4);
  }

  /**
   * @param added false when the same files were already stored
   */
  public record Stored(DatasetInfo info, boolean added) {}

  private record Row(DatasetInfo info, String tenant) {}

  /** Size of a list entry before it is read. */
  private record Size(String id, long number, long reading) {
    long bytes() {
      return 500 + reading;
    }
  }

  /**
   * Stores uploaded files, unless the same files are already stored under any name.
   *
   * @param files files by the name of their upload part: {@code file}; or {@code images} and {@code
   *     labels}, optionally with {@code test_images} and {@code test_labels}; or {@code events};
   *     and the recipe
   * @throws InvalidSpecException with all mistakes in the files
   */
  public Stored create(String name, Map<String, ? extends InputStreamSource> files) {
    var sorted = new TreeMap<String, InputStreamSource>(files);
    var tenant = tenants.owner();
    var content = compute.run(run -> hash(tenant, sorted, run));
    var present = find(content.id());
    if (present.isPresent()) {
      return new Stored(present.get(), false);
    }
    var now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    var info =
        compute.run(
            run -> {
              var read = read(name, sorted, new Unpacking(maxBytes, maxUnpacked, run));
              return DatasetInfo.of(content.id(), read, now);
            });
    var reading = json.writeValueAsString(info.reading());
    if (reading.length() > MAX_READING) {
      throw new InvalidSpecException(
          "/events",
          "has too many or too long class names: together with the names of files that are left out"
              + " they may take %d characters but take %d"
                  .formatted(MAX_READING, reading.length()));
    }
    var uploaded = chunks.upload(sorted);
    try {
      transactions.executeWithoutResult(
          _ -> {
            insert(tenant, info, reading, now, content.size());
            store(info.id(), sorted, uploaded);
          });
    } catch (DuplicateKeyException e) {
      // Another request has stored the same files since they were looked up.
      return new Stored(find(content.id()).orElseThrow(() -> e), false);
    }
    return new Stored(info, true);
  }

  private static ReadDataset read(
      String name, Map<String, InputStreamSource> files, Unpacking unpacking) {
    try {
      return Samples.read(name, files, unpacking);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void insert(String tenant, DatasetInfo info, String reading, Instant now, long size) {
    // Checked last, because the tenant's other uploads wait from here to the end of the
    // transaction.
    quotas.requireBytes(tenant, size);
    jdbc.sql(
            "insert into dataset (id, tenant, name, samples, test_samples, shape, time_steps,"
                + " classes, created_at, reading) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .params(
            info.id(),
            tenant,
            info.name(),
            info.samples(),
            info.testSamples(),
            info.shape().stream().map(String::valueOf).collect(Collectors.joining(",")),
            info.timeSteps(),
            info.classes(),
            now.atOffset(ZoneOffset.UTC),
            reading)
        .update();
  }

  private void store(String id, Map<String, InputStreamSource> files, Map<String, UUID> uploaded) {
    for (var file : files.entrySet()) {
      var object = uploaded.get(file.getKey());
      if (object != null) {
        chunks.write(id, file.getKey(), object);
        continue;
      }
      try (var in = file.getValue().getInputStream()) {
        chunks.write(id, file.getKey(), in);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** Returns {@code recipe} as a part that is stored with the files. */
  public static Map.Entry<String, InputStreamSource> part(Recipe recipe) {
    return Map.entry(Recipe.PART, recipe.part());
  }

  /**
   * Filter of a list of data sets; an empty map or null matches all data sets.
   *
   * @param name full name
   * @param search part of the name, case-insensitive
   */
  public record Filter(Map<String, String> labels, @Nullable String name, @Nullable String search) {
    public static final Filter ALL = new Filter(Map.of(), null, null);
  }

  /**
   * Lists data sets created before {@code cursor}, newest first; the bundled one counts as the
   * oldest.
   */
  @Transactional(readOnly = true)
  public Page<DatasetInfo> list(Filter filter, int limit, long cursor) {
    var where = new StringBuilder("where number < ? and (? or tenant = ?)");
    var values = new ArrayList<Object>(List.of(cursor, tenants.seeAll(), tenants.owner()));
    if (filter.name() != null) {
      where.append(" and name = ?");
      values.add(filter.name());
    }
    if (filter.search() != null) {
      where.append(" and lower(name) like ? escape '\\'");
      values.add(Search.containing(filter.search()));
    }
    filter
        .labels()
        .forEach(
            (label, content) -> {
              where.append(
                  " and id in (select dataset_id from dataset_label where label = ? and content ="
                      + " ?)");
              values.add(label);
              values.add(content);
            });
    values.add(limit + 1);
    var sizes =
        new ArrayList<>(
            jdbc.sql(
                    "select id, number, coalesce(octet_length(reading), 0) from dataset "
                        + where
                        + " order by number desc limit ?")
                .params(values)
                .query((row, _) -> new Size(row.getString(1), row.getLong(2), row.getLong(3)))
                .list());
    if (sizes.size() <= limit && cursor > 0 && isBundledIn(filter)) {
      sizes.add(new Size(DIGITS, 0, 0));
    }
    var page = Page.of(sizes, limit, Size::bytes, Size::id, Size::number);
    var found = find(page.data());
    var labels = labels(page.data());
    return new Page<>(
        page.data().stream()
            .map(found::get)
            .filter(Objects::nonNull)
            .map(info -> info.with(labels.getOrDefault(info.id(), Map.of())))
            .toList(),
        page.nextCursor());
  }

  private static boolean isBundledIn(Filter filter) {
    return filter.labels().isEmpty()
        && (filter.name() == null || filter.name().equals(DIGITS))
        && (filter.search() == null || DIGITS.contains(filter.search().toLowerCase(Locale.ROOT)));
  }

  private Map<String, Map<String, String>> labels(List<String> ids) {
    var labels = new HashMap<String, Map<String, String>>();
    if (!ids.isEmpty()) {
      jdbc.sql("select dataset_id, label, content from dataset_label where dataset_id in (:ids)")
          .param("ids", ids)
          .query(
              row -> {
                labels
                    .computeIfAbsent(row.getString(1), _ -> new TreeMap<>())
                    .put(row.getString(2), row.getString(3));
              });
    }
    return labels;
  }

  /**
   * Changes the name or labels of a data set.
   *
   * @param change computes the new values from the current ones
   */
  @Transactional
  public DatasetInfo change(String id, IfMatch condition, UnaryOperator<DatasetPatch> change) {
    var info = locked(id, condition);
    var next = change.apply(new DatasetPatch(info.name(), info.labels()));
    jdbc.sql("update dataset set name = ?, version = version + 1 where id = ?")
        .params(next.name(), id)
        .update();
    jdbc.sql("delete from dataset_label where dataset_id = ?").param(id).update();
    next.labels()
        .forEach(
            (label, content) ->
                jdbc.sql("insert into dataset_label (dataset_id, label, content) values (?, ?, ?)")
                    .params(id, label, content)
                    .update());
    return get(id);
  }

  /** Locks the data set until the end of the transaction and returns it. */
  private DatasetInfo locked(String id, IfMatch condition) {
    if (id.equals(DIGITS)) {
      throw new ProblemException(
          Code.CONFLICT,
          "the data set `digits` is part of the service and cannot be changed or deleted");
    }
    jdbc.sql("select id from dataset where id = ? for update").param(id).query(String.class).list();
    var info = get(id);
    condition.require(info.version());
    return info;
  }

  @Transactional(readOnly = true)
  public DatasetInfo get(String id) {
    var info = find(id).orElseThrow(() -> ProblemException.notFound("data set", id));
    return info.with(labels(List.of(id)).getOrDefault(id, Map.of()));
  }

  /** Returns a picture of one sample as PNG. */
  public byte[] picture(String id, int sample) {
    var info = get(id);
    if (sample < 0 || sample >= info.samples()) {
      throw ProblemException.notFound("sample", Integer.toString(sample));
    }
    var dataset = dataset(info);
    return compute.run(_ -> SamplePicture.png(dataset, sample));
  }

  /** Example samples with their labels: the first sample of each class, at most {@code most}. */
  public Map<Integer, Integer> examples(String id, int most) {
    var dataset = dataset(get(id));
    int[] labels = dataset.labels();
    int perSample = dataset.labelsPerSample();
    var first = new TreeMap<Integer, Integer>();
    for (int i = 0; i < labels.length; i++) {
      first.putIfAbsent(labels[i], i / perSample);
    }
    var examples = new TreeMap<Integer, Integer>();
    first.entrySet().stream()
        .limit(most)
        .forEach(example -> examples.put(example.getValue(), example.getKey()));
    return examples;
  }

  @Transactional
  public void delete(String id, IfMatch condition) {
    locked(id, condition);
    if (uses.stream().anyMatch(use -> use.usesDataset(id))) {
      throw new ProblemException(
          Code.CONFLICT,
          "an unfinished job uses this data set: wait for it to finish or cancel it");
    }
    jdbc.sql("delete from dataset where id = ?").param(id).update();
    loaded.remove(id);
  }

  /**
   * Keeps the data set from being deleted until the end of the transaction, which stores a job that
   * uses it.
   *
   * @throws InvalidSpecException when it has been deleted since the job was checked
   */
  @Transactional(propagation = Propagation.MANDATORY)
  public void hold(String id) {
    if (!id.equals(DIGITS)
        && jdbc.sql(
                "select id from dataset where id = ? for "
                    // H2 has no weaker lock.
                    + (database.isEmbedded() ? "update" : "key share"))
            .param(id)
            .query(String.class)
            .list()
            .isEmpty()) {
      throw unknown(id);
    }
  }

  /** Loads the data set that {@code input} (at the pointer "/input") refers to. */
  public Dataset resolve(InputSpec.FromDataset input) {
    return dataset(info(input));
  }

  /** Memory of the data set's samples in bytes, computed without loading them. */
  public long memoryBytes(InputSpec.FromDataset input) {
    return info(input).memoryBytes();
  }

  /** Name of each class, by label; null when the labels have no names. */
  public @Nullable List<String> classNames(InputSpec.FromDataset input) {
    var reading = info(input).reading();
    return reading == null ? null : reading.classNames();
  }

  private DatasetInfo info(InputSpec.FromDataset input) {
    return find(input.id()).orElseThrow(() -> unknown(input.id()));
  }

  private static InvalidSpecException unknown(String id) {
    return new InvalidSpecException(
        "/input/id",
        "must be the id of a stored data set, but no data set has the id `"
            + id
            + "`. Upload it with POST /api/v1/datasets, or use `digits`.");
  }

  private Dataset dataset(DatasetInfo info) {
    if (info.id().equals(DIGITS)) {
      return digits;
    }
    long bytes = info.memoryBytes();
    if (bytes > Runtime.getRuntime().maxMemory() / 4) {
      throw new InvalidSpecException(
          "/input/id",
          "names the data set %s, whose samples take %d MiB of memory, more than a quarter of the %d MiB of this process: give the process a larger heap"
              .formatted(info.name(), bytes >> 20, Runtime.getRuntime().maxMemory() >> 20));
    }
    var reference = loaded.get(info.id());
    var dataset = reference == null ? null : reference.get();
    return dataset == null ? loadOnce(info) : dataset;
  }

  /** Loads a data set, or waits for another thread that does. */
  private Dataset loadOnce(DatasetInfo info) {
    var lock = loading.computeIfAbsent(info.id(), _ -> new ReentrantLock());
    lock.lock();
    try {
      var reference = loaded.get(info.id());
      var dataset = reference == null ? null : reference.get();
      return dataset == null ? load(info) : dataset;
    } finally {
      lock.unlock();
      if (!lock.hasQueuedThreads()) {
        loading.remove(info.id(), lock);
      }
    }
  }

  private Dataset load(DatasetInfo info) {
    try (var files = chunks.files(info.id())) {
      // The size limit is checked only at the upload, so that lowering it does not make stored data
      // sets unusable.
      var dataset =
          compute.run(run -> read(info.name(), files.parts(), Unpacking.unlimited(run))).dataset();
      loaded.put(info.id(), new SoftReference<>(dataset));
      return dataset;
    }
  }

  private Optional<DatasetInfo> find(String id) {
    return id.equals(DIGITS)
        ? Optional.of(digitsInfo)
        : jdbc.sql(SELECT + "where id = ?")
            .param(id)
            .query(this::row)
            .optional()
            .filter(row -> tenants.sees(row.tenant()))
            .map(Row::info);
  }

  private Map<String, DatasetInfo> find(List<String> ids) {
    var found = new HashMap<String, DatasetInfo>();
    found.put(DIGITS, digitsInfo);
    if (!ids.isEmpty()) {
      jdbc.sql(SELECT + "where id in (:ids)")
          .param("ids", ids)
          .query(this::row)
          .list()
          .forEach(row -> found.put(row.info().id(), row.info()));
    }
    return found;
  }

  static DatasetInfo digitsInfo(Dataset digits) {
    var notes = new Reading.Notes();
    notes.scale = 16;
    return DatasetInfo.of(DIGITS, new ReadDataset(digits, notes.of(digits, Recipe.NONE)), null);
  }

  private Row row(ResultSet row, int index) throws SQLException {
    var reading = row.getString("reading");
    var shape = Arrays.stream(row.getString("shape").split(",")).map(Integer::valueOf).toList();
    return new Row(
        new DatasetInfo(
            row.getString("id"),
            row.getString("name"),
            row.getInt("samples"),
            row.getInt("test_samples"),
            shape,
            row.getInt("time_steps"),
            row.getInt("classes"),
            row.getObject("created_at", OffsetDateTime.class).toInstant(),
            reading == null ? null : json.readValue(reading, Reading.class),
            Map.of(),
            row.getString("version")),
        row.getString("tenant"));
  }

  /**
   * Identity and size of an upload.
   *
   * @param size total size of all files in bytes
   */
  private record Content(String id, long size) {}

  /**
   * Hash of an upload. It includes the tenant, so that a response does not reveal what other
   * tenants have stored.
   */
  private static Content hash(String tenant, Map<String, InputStreamSource> files, Runnable goOn) {
    long size = 0;
    try {
      var digest = Sha256.digest();
      digest.update(tenant.getBytes(StandardCharsets.UTF_8));
      for (var file : files.entrySet()) {
        digest.update(file.getKey().getBytes(StandardCharsets.UTF_8));
        try (var in = file.getValue().getInputStream()) {
          var buffer = new byte[1 << 16];
          for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
            goOn.run();
            digest.update(buffer, 0, n);
            size += n;
          }
        }
      }
      return new Content(Sha256.hex(digest), size);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
