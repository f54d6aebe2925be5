package dev.spikewise.store;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.springframework.core.io.InputStreamSource;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.annotation.Propagation;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionOperations;
import org.springframework.transaction.support.TransactionTemplate;

/**
 * Large contents: in the row that they belong to, or as objects outside the database.
 *
 * <p>The row of an object in {@code stored_object} is committed first, then the object is written,
 * and then the transaction that refers to it calls {@link #attach}. After a failure anywhere in
 * between, and after the last reference is deleted, the row shows which object to delete. No object
 * is ever overwritten, so that a process that has lost its lease cannot change another's content.
 */
@Component
public class LargeObjects implements SmartLifecycle {

  private static final Logger LOG = LoggerFactory.getLogger(LargeObjects.class);

  /** Maximum number of objects that are looked up at a time to be deleted. */
  private static final int BATCH = 500;

  private static final String SELECT =
      "select id, store, bucket, name, bytes, sha256 from stored_object o where ";

  /** Kinds of operations, for metrics. */
  public enum Operation {
    PUT,
    GET,
    DELETE
  }

  /** Numbers of one kind of operation in this process. */
  private record Count(LongAdder completed, LongAdder failed, LongAdder bytes) {}

  private record Stored(
      UUID id, String store, @Nullable String bucket, String name, long bytes, String sha256) {}

  private final JdbcClient jdbc;
  private final Database database;
  private final TransactionOperations transactions;
  private final TransactionOperations outside;
  private final ObjectSettings settings;
  private final @Nullable ObjectStore folder;
  private final @Nullable S3Store s3;
  private final PeriodicRun sweeping;
  private final Map<Operation, Count> counts = new EnumMap<>(Operation.class);

  LargeObjects(
      JdbcClient jdbc,
      Database database,
      TransactionOperations transactions,
      PlatformTransactionManager manager,
      ObjectSettings settings) {
    this.jdbc = jdbc;
    this.database = database;
    this.transactions = transactions;
    this.outside = outside(manager);
    this.settings = settings;
    this.folder = settings.folder() == null ? null : new FolderStore(settings.folder());
    var bucket = settings.s3().bucket();
    this.s3 = bucket == null ? null : new S3Store(settings.s3(), bucket);
    this.sweeping = new PeriodicRun("objects", settings.interval(), jdbc, database);
    for (var operation : Operation.values()) {
      counts.put(operation, new Count(new LongAdder(), new LongAdder(), new LongAdder()));
    }
  }

  private static TransactionOperations outside(PlatformTransactionManager manager) {
    var template = new TransactionTemplate(manager);
    template.setPropagationBehavior(TransactionDefinition.PROPAGATION_NOT_SUPPORTED);
    return template;
  }

  /** Whether new contents are stored outside the database. */
  public boolean isOutsideDatabase() {
    return settings.store() != ObjectSettings.Kind.DATABASE;
  }

  /**
   * Stores a content where the settings say. Call it before the transaction that refers to it.
   *
   * @throws ObjectStoreException when the store cannot be used at present
   */
  public Content put(byte[] bytes) {
    if (!isOutsideDatabase()) {
      return new Content(bytes, null);
    }
    var sha256 = Sha256.hex(bytes);
    return new Content(null, put(() -> new ByteArrayInputStream(bytes), bytes.length, sha256));
  }

  /**
   * Stores a content as an object and returns its id.
   *
   * @param content content, which may be read several times
   * @throws ObjectStoreException when the store cannot be used at present
   */
  public UUID put(InputStreamSource content, long bytes, String sha256) {
    var id = UUID.randomUUID();
    var bucket = settings.store() == ObjectSettings.Kind.S3 ? settings.s3().bucket() : null;
    var name = bucket == null ? id.toString() : settings.s3().prefix() + id;
    var object = new Stored(id, settings.store().name(), bucket, name, bytes, sha256);
    var store = store(object);
    // Committed at once, so that the object can be deleted if this process dies.
    outside.executeWithoutResult(_ -> insert(object));
    attempt(
        Operation.PUT,
        object,
        () -> {
          store.put(name, content, bytes);
          return bytes;
        });
    return id;
  }

  private void insert(Stored object) {
    jdbc.sql(
            "insert into stored_object (id, store, bucket, name, bytes, sha256, created_at)"
                + " values (?, ?, ?, ?, ?, ?, ?)")
        .param(object.id())
        .param(object.store())
        .param(object.bucket())
        .param(object.name())
        .param(object.bytes())
        .param(object.sha256())
        .param(Database.time(database.now()))
        .update();
  }

  /**
   * Keeps an object from being deleted. Call it in the transaction that stores the reference.
   *
   * @throws ObjectStoreException when the object has been deleted because its upload took too long
   */
  @Transactional(propagation = Propagation.MANDATORY)
  public void attach(UUID object) {
    if (jdbc.sql("update stored_object set attached = true where id = ?").param(object).update()
        == 0) {
      throw new ObjectStoreException(
          "the object %s was deleted before anything referred to it: its upload took longer than spikewise.objects.grace"
              .formatted(object));
    }
  }

  /**
   * Reads a content.
   *
   * @throws ObjectStoreException when its store cannot be used at present
   * @throws DamagedContentException when it is missing or differs from what was written
   */
  public byte[] read(Content content) {
    if (content.bytes() != null) {
      return content.bytes();
    }
    var object = find(Objects.requireNonNull(content.object()));
    var bytes = new ByteArrayOutputStream((int) Math.min(object.bytes(), Integer.MAX_VALUE - 8));
    copy(object, bytes);
    return bytes.toByteArray();
  }

  /**
   * Copies an object to a file.
   *
   * @throws ObjectStoreException when its store cannot be used at present
   * @throws DamagedContentException when it is missing or differs from what was written
   */
  public void copy(UUID id, Path file) {
    try (var out = Files.newOutputStream(file)) {
      copy(find(id), out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Stored find(UUID id) {
    return jdbc.sql(SELECT + "id = ?")
        .param(id)
        .query(Stored.class)
        .optional()
        .orElseThrow(
            () -> new DamagedContentException("the row of the object " + id + " is missing"));
  }

  private void copy(Stored object, OutputStream to) {
    var store = store(object);
    var digest = Sha256.digest();
    long bytes =
        attempt(
            Operation.GET,
            object,
            () -> {
              try (var in = store.get(object.name())) {
                return in.transferTo(new DigestOutputStream(to, digest));
              } catch (NoSuchFileException e) {
                throw new DamagedContentException(
                    "the object %s is missing in %s: restore it from a backup"
                        .formatted(object.name(), store.description()));
              }
            });
    if (bytes != object.bytes() || !Sha256.hex(digest).equals(object.sha256())) {
      throw new DamagedContentException(
          "the object %s in %s is damaged: it has %d bytes, of which %d were written, or another SHA-256 than was written; restore it from a backup"
              .formatted(object.name(), store.description(), bytes, object.bytes()));
    }
  }

  private ObjectStore store(Stored object) {
    boolean inFolder = object.store().equals(ObjectSettings.Kind.FOLDER.name());
    if (inFolder) {
      if (folder == null) {
        throw new ObjectStoreException(
            "the object %s is in a folder: set spikewise.objects.folder to its path"
                .formatted(object.name()));
      }
      return folder;
    }
    if (s3 == null || !Objects.equals(object.bucket(), settings.s3().bucket())) {
      throw new ObjectStoreException(
          "the object %s is in the bucket %s: set spikewise.objects.s3.bucket to it, or copy the objects to the new bucket and change stored_object.bucket"
              .formatted(object.name(), object.bucket()));
    }
    return s3;
  }

  private interface Step {
    long run() throws IOException;
  }

  private long attempt(Operation operation, Stored object, Step step) {
    var count = Objects.requireNonNull(counts.get(operation));
    try {
      long bytes = step.run();
      count.completed.increment();
      count.bytes.add(bytes);
      return bytes;
    } catch (IOException e) {
      count.failed.increment();
      throw new ObjectStoreException(
          "the object %s in %s cannot be %s: %s"
              .formatted(
                  object.name(),
                  store(object).description(),
                  switch (operation) {
                    case PUT -> "written";
                    case GET -> "read";
                    case DELETE -> "deleted";
                  },
                  e.getMessage()),
          e);
    } catch (DamagedContentException e) {
      count.failed.increment();
      throw e;
    }
  }

  /**
   * Checks that new contents can be stored.
   *
   * @throws IOException saying why not
   */
  void check() throws IOException {
    var store =
        switch (settings.store()) {
          case DATABASE -> null;
          case FOLDER -> folder;
          case S3 -> s3;
        };
    if (store != null) {
      try {
        store.check();
      } catch (IOException e) {
        throw new IOException("%s: %s".formatted(store.description(), e.getMessage()), e);
      }
    }
  }

  /** Deletes the objects that nothing refers to and returns their number. */
  int sweep() {
    int deleted = 0;
    UUID last = new UUID(0, 0);
    var deadline = Database.time(database.now().minus(settings.grace()));
    while (true) {
      var garbage =
          jdbc.sql(
                  SELECT
                      + """
                      o.id > :last and (o.attached = true or o.created_at < :deadline)
                      and not exists (select 1 from checkpoint c where c.object_id = o.id)
                      and not exists (select 1 from model_weights w where w.object_id = o.id)
                      and not exists (select 1 from dataset_file f where f.object_id = o.id)
                      order by o.id limit :batch\
                      """)
              .param("last", last)
              .param("deadline", deadline)
              .param("batch", BATCH)
              .query(Stored.class)
              .list();
      for (var object : garbage) {
        if (!sweeping.goesOn()) {
          return deleted;
        }
        deleted += delete(object) ? 1 : 0;
        last = object.id();
      }
      if (garbage.size() < BATCH) {
        return deleted;
      }
    }
  }

  private boolean delete(Stored object) {
    try {
      var store = store(object);
      return Boolean.TRUE.equals(
          transactions.execute(
              _ -> {
                // Fails when something refers to the object by now. The row goes with the object:
                // when the object cannot be deleted, the row remains for the next search.
                boolean present =
                    jdbc.sql("delete from stored_object where id = ?").param(object.id()).update()
                        == 1;
                if (present) {
                  attempt(
                      Operation.DELETE,
                      object,
                      () -> {
                        store.delete(object.name());
                        return object.bytes();
                      });
                }
                return present;
              }));
    } catch (DataIntegrityViolationException e) {
      return false;
    } catch (ObjectStoreException e) {
      LOG.warn("An object that nothing refers to remains: {}", e.getMessage());
      return false;
    }
  }

  private void sweepAndLog() {
    int deleted = sweep();
    if (deleted > 0) {
      LOG.info("Deleted {} objects that nothing refers to", deleted);
    }
  }

  /** Number of operations of this process that were completed. */
  public long completed(Operation operation) {
    return Objects.requireNonNull(counts.get(operation)).completed.sum();
  }

  /** Number of operations of this process that failed. */
  public long failed(Operation operation) {
    return Objects.requireNonNull(counts.get(operation)).failed.sum();
  }

  /** Size of the objects that this process has written, read or deleted. */
  public long bytes(Operation operation) {
    return Objects.requireNonNull(counts.get(operation)).bytes.sum();
  }

  @Override
  public void start() {
    sweeping.start(this::sweepAndLog);
  }

  @Override
  public void stop() {
    sweeping.stop();
  }

  @Override
  public boolean isRunning() {
    return sweeping.isRunning();
  }
}
