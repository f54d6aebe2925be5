package dev.spikewise.dataset;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.core.io.InputStreamSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/**
 * Stores uploaded files in the database, so that every replica can read them. At most one chunk of
 * a file is in memory at a time.
 */
@Component
class Chunks {

  private static final int SIZE = 1 << 20;

  private final JdbcClient jdbc;

  Chunks(JdbcClient jdbc) {
    this.jdbc = jdbc;
  }

  void write(String id, String part, InputStream file) throws IOException {
    int number = 0;
    for (byte[] chunk = file.readNBytes(SIZE); chunk.length > 0; chunk = file.readNBytes(SIZE)) {
      jdbc.sql("insert into dataset_chunk (dataset_id, part, number, content) values (?, ?, ?, ?)")
          .params(id, part, number++, chunk)
          .update();
    }
  }

  /** Files of a data set by the name of their upload part. */
  Map<String, InputStreamSource> files(String id) {
    var files = new LinkedHashMap<String, InputStreamSource>();
    jdbc.sql("select part, count(*) from dataset_chunk where dataset_id = ? group by part")
        .param(id)
        .query(
            row -> {
              var part = row.getString(1);
              int chunks = row.getInt(2);
              files.put(part, () -> read(id, part, chunks));
            });
    return files;
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
