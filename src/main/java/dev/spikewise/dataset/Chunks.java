package dev.spikewise.dataset;

import dev.spikewise.store.LargeObjects;
import dev.spikewise.store.Sha256;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.core.io.FileSystemResource;
import org.springframework.core.io.InputStreamSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/**
 * Stores uploaded files where every replica can read them: in chunks in the database, or each as an
 * object outside. At most one chunk of a file is in memory at a time.
 */
@Component
class Chunks {

  private static final int SIZE = 1 << 20;

  private final JdbcClient jdbc;

  private final LargeObjects objects;

  Chunks(JdbcClient jdbc, LargeObjects objects) {
    this.jdbc = jdbc;
    this.objects = objects;
  }

  /**
   * Writes the files that belong outside the database. Call it before the transaction with {@link
   * #write}.
   *
   * @return ids of the objects by the name of the upload part; empty when the files belong into the
   *     database
   */
  Map<String, UUID> upload(Map<String, InputStreamSource> files) {
    var uploaded = new LinkedHashMap<String, UUID>();
    if (objects.isOutsideDatabase()) {
      files.forEach((part, file) -> uploaded.put(part, upload(file)));
    }
    return uploaded;
  }

  private UUID upload(InputStreamSource file) {
    try (var in = file.getInputStream()) {
      var digest = Sha256.digest();
      long bytes = in.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), digest));
      return objects.put(file, bytes, Sha256.hex(digest));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Stores a reference to an uploaded file. */
  void write(String id, String part, UUID object) {
    objects.attach(object);
    jdbc.sql("insert into dataset_file (dataset_id, part, object_id) values (?, ?, ?)")
        .params(id, part, object)
        .update();
  }

  void write(String id, String part, InputStream file) throws IOException {
    int number = 0;
    for (byte[] chunk = file.readNBytes(SIZE); chunk.length > 0; chunk = file.readNBytes(SIZE)) {
      jdbc.sql("insert into dataset_chunk (dataset_id, part, number, content) values (?, ?, ?, ?)")
          .params(id, part, number++, chunk)
          .update();
    }
  }

  /** Files of a data set, of which those outside the database are copied to temporary files. */
  final class Files implements AutoCloseable {

    private final Map<String, InputStreamSource> parts = new LinkedHashMap<>();
    private final List<Path> copies = new ArrayList<>();

    /** Files by the name of their upload part. */
    Map<String, InputStreamSource> parts() {
      return parts;
    }

    private void copy(String part, UUID object) {
      try {
        // On disk, so that a large file is not in memory beside the samples that are read from it.
        var copy = java.nio.file.Files.createTempFile("spikewise-dataset", null);
        copies.add(copy);
        objects.copy(object, copy);
        parts.put(part, new FileSystemResource(copy));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() {
      for (var copy : copies) {
        try {
          java.nio.file.Files.deleteIfExists(copy);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  /** Opens the files of a data set. */
  Files files(String id) {
    var files = new Files();
    chunked(id, files.parts);
    try {
      jdbc.sql("select part, object_id from dataset_file where dataset_id = ?")
          .param(id)
          .query((row, _) -> Map.entry(row.getString(1), row.getObject(2, UUID.class)))
          .list()
          .forEach(file -> files.copy(file.getKey(), file.getValue()));
    } catch (RuntimeException e) {
      files.close();
      throw e;
    }
    return files;
  }

  private void chunked(String id, Map<String, InputStreamSource> files) {
    jdbc.sql("select part, count(*) from dataset_chunk where dataset_id = ? group by part")
        .param(id)
        .query(
            row -> {
              var part = row.getString(1);
              int chunks = row.getInt(2);
              files.put(part, () -> read(id, part, chunks));
            });
  }

  private InputStream read(String id, String part, int chunks) {
    return new SequenceInputStream(
        new Enumeration<>() {
          private int number;

          @Override
          public boolean hasMoreElements() {
            return number < chunks;
          }

          @Override
          public InputStream nextElement() {
            return new ByteArrayInputStream(content(id, part, number++));
          }
        });
  }

  private byte[] content(String id, String part, int number) {
    return jdbc.sql(
            "select content from dataset_chunk where dataset_id = ? and part = ? and number = ?")
        .params(id, part, number)
        .query(byte[].class)
        .single();
  }
}
