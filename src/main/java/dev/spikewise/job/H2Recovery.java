package dev.spikewise.job;

import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import org.h2.engine.ConnectionInfo;
import org.h2.engine.Constants;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.MVStoreException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.jdbc.DatabaseDriver;
import org.springframework.stereotype.Component;

/**
 * Finds the last commits of a process that was killed, before H2 opens its file.
 *
 * <p>H2 goes by the file's header to its newest chunk, and the header may be some commits behind
 * (src/docs/decisions/h2-recovery.md). Its recovery mode looks at the whole file instead: 3 to 20 s
 * a GB.
 */
@Component
class H2Recovery implements BeanPostProcessor {

  private static final Logger LOG = LoggerFactory.getLogger(H2Recovery.class);
  private static final int HEADER_BYTES = 4096;

  @Override
  public Object postProcessBeforeInitialization(Object bean, String name) {
    if (bean instanceof HikariDataSource source
        && DatabaseDriver.fromJdbcUrl(source.getJdbcUrl()) == DatabaseDriver.H2) {
      recover(source.getJdbcUrl());
    }
    return bean;
  }

  /** Does nothing where the database is in memory, new, was closed, or is open elsewhere. */
  static void recover(String jdbcUrl) {
    try {
      var connection = new ConnectionInfo(jdbcUrl, new Properties(), null, null);
      if (!connection.isPersistent()) {
        return;
      }
      var file = Path.of(connection.getName() + Constants.SUFFIX_MV_FILE);
      if (Files.exists(file) && !wasClosed(file)) {
        long begin = System.nanoTime();
        new MVStore.Builder()
            .fileName(file.toString())
            .autoCommitDisabled()
            .recoveryMode()
            .open()
            .close();
        LOG.info(
            "{} had not been closed; looked through it for its last commits in {} ms",
            file,
            Duration.ofNanos(System.nanoTime() - begin).toMillis());
      }
    } catch (IOException | RuntimeException e) {
      // Whoever opens it next says what to do about a second process.
      if (!(e instanceof MVStoreException store)
          || store.getErrorCode() != DataUtils.ERROR_FILE_LOCKED) {
        LOG.warn("Could not look for the last commits of {}", jdbcUrl, e);
      }
    }
  }

  /** The header says so, and no longer with the first write. An encrypted one cannot be read. */
  private static boolean wasClosed(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      var header = new String(in.readNBytes(HEADER_BYTES), StandardCharsets.ISO_8859_1);
      return !header.startsWith("H:") || header.lines().findFirst().orElse("").contains("clean:1");
    }
  }
}
