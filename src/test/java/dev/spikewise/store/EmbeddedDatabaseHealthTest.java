package dev.spikewise.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.DriverManager;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.springframework.util.unit.DataSize;

class EmbeddedDatabaseHealthTest {

  private record Details(String getJdbcUrl) implements JdbcConnectionDetails {
    @Override
    public String getUsername() {
      return "";
    }

    @Override
    public String getPassword() {
      return "";
    }
  }

  private static EmbeddedDatabase watch(String url) {
    var details = new Details(url);
    var client = JdbcClient.create(new DriverManagerDataSource(url));
    var settings =
        new DatabaseSettings(
            Duration.ofSeconds(1), Duration.ofMillis(300), DataSize.ofMegabytes(1));
    var watch = new EmbeddedDatabase(details, new Database(client, details), settings);
    watch.start();
    return watch;
  }

  private static boolean locked(FileChannel file) throws IOException {
    try {
      return file.tryLock() != null;
    } catch (OverlappingFileLockException e) {
      // The watch is just looking.
      return false;
    }
  }

  private static void await(EmbeddedDatabase watch, Status status) throws InterruptedException {
    var deadline = Instant.now().plusSeconds(30);
    while (!watch.health().getStatus().equals(status)) {
      assertThat(Instant.now()).as("not " + status).isBefore(deadline);
      Thread.sleep(10);
    }
  }

  @Test
  void isDownOnceTheFileStaysLockedAndUpAgainOnceItOpens(@TempDir Path dir) throws Exception {
    var url = "jdbc:h2:file:" + dir.resolve("data");
    DriverManager.getConnection(url).close();
    var watch = watch(url);
    try {
      assertThat(watch.health().getStatus()).isEqualTo(Status.UP);
      try (var file = FileChannel.open(dir.resolve("data.mv.db"), StandardOpenOption.WRITE)) {
        // The state in which H2 leaves the file after an internal error: closed but locked.
        while (!locked(file)) {
          Thread.sleep(1);
        }
        await(watch, Status.DOWN);
      }
      await(watch, Status.UP);
    } finally {
      watch.stop();
    }
  }

  @Test
  void unreachableServerDoesNotAffectLiveness() throws Exception {
    var watch = watch("jdbc:postgresql://127.0.0.1:1/none");
    Thread.sleep(500);
    assertThat(watch.health().getStatus()).isEqualTo(Status.UP);
    assertThat(watch.isRunning()).isFalse();
    watch.stop();
  }
}
