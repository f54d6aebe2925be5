package dev.spikewise.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.h2.api.ErrorCode;
import org.h2.store.fs.FileBaseDefault;
import org.h2.store.fs.FilePath;
import org.h2.store.fs.FilePathWrapper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class H2RecoveryTest {

  private static final int COMMITS = 100;
  private static final String LOOKED = "recovered its last commits";
  private static final String NEEDED =
      "commits that this H2 passes over by itself: with none, H2Recovery is not needed any more";

  @TempDir Path dir;

  @AfterEach
  void room() {
    SmallDisk.bytes = Long.MAX_VALUE;
  }

  /** A copy of an open file is what a kill would have left. */
  @Test
  void everyCommitIsFoundWhereverTheProcessIsKilled() throws Exception {
    int passedOver = 0;
    try (var connection = DriverManager.getConnection(url("open"))) {
      var writer = new Writer(connection, 1);
      for (int i = 1; i <= COMMITS; i++) {
        writer.commit(i);
        copy("open", "killed");
        copy("open", "mended");
        assertThat(lastNumber(H2Recovery.recovering(url("mended")))).isEqualTo(i);
        passedOver += i - lastNumber(url("killed"));
      }
    }
    assertThat(passedOver).as(NEEDED).isPositive();
  }

  /** H2 closes its file when a write fails, and the next connection of the process opens it. */
  @Test
  void everyCommitIsFoundAfterFailedWrite() throws Exception {
    FilePath.register(new SmallDisk());
    int passedOver = 0;
    for (int seed = 0; seed < 15; seed++) {
      var plain = "jdbc:h2:small:" + file("plain" + seed);
      int last = untilFull(plain, "plain" + seed, seed);
      Files.copy(file("plain" + seed + ".mv.db"), file("recovering" + seed + ".mv.db"));
      passedOver += last - lastNumber(plain);

      var recovering = H2Recovery.recovering("jdbc:h2:small:" + file("recovering" + seed));
      SmallDisk.bytes = 0;
      assertThatThrownBy(() -> lastNumber(recovering))
          .as("an older state, to which later commits would be added")
          .isInstanceOf(SQLException.class)
          .satisfies(e -> assertThat(Outage.behind(e)).contains("no space"));
      SmallDisk.bytes = Long.MAX_VALUE;
      assertThat(lastNumber(recovering)).isEqualTo(last);
    }
    assertThat(passedOver).as(NEEDED).isPositive();
  }

  @Test
  void writesWaitForSpaceAndReadsGoOn(CapturedOutput log) throws Exception {
    FilePath.register(new SmallDisk());
    var url = H2Recovery.recovering("jdbc:h2:small:" + file("waiting")) + ";WRITE_DELAY=0";
    try (var connection = DriverManager.getConnection(url)) {
      var writer = new Writer(connection, 1);
      writer.commit(1);
      SmallDisk.bytes = Files.size(file("waiting.mv.db")) + 50_000;
      var commits =
          CompletableFuture.runAsync(
              () -> {
                for (int i = 2; i <= COMMITS; i++) {
                  try {
                    writer.commit(i);
                  } catch (SQLException e) {
                    throw new IllegalStateException(e);
                  }
                }
              });
      while (WaitingChannel.failing().isEmpty()) {
        assertThat(commits).isNotDone();
        Thread.sleep(5);
      }
      assertThat(WaitingChannel.failing()).hasValue("no space");
      assertThat(lastNumber(url)).isBetween(1, COMMITS - 1);
      assertThat(commits).isNotDone();
      SmallDisk.bytes = Long.MAX_VALUE;
      commits.get(1, TimeUnit.MINUTES);
      assertThat(WaitingChannel.failing()).isEmpty();
      copy("waiting", "killed");
    }
    assertThat(log).contains("waiting.mv.db cannot be written; writes wait: no space");
    assertThat(lastNumber(url)).isEqualTo(COMMITS);
    assertThat(lastNumber(H2Recovery.recovering(url("killed")))).isEqualTo(COMMITS);
  }

  @Test
  void whatIsNotThereInMemoryOrClosedIsLeftAlone(CapturedOutput log) throws Exception {
    for (var url : new String[] {"jdbc:h2:mem:nothing", "jdbc:h2:tcp://localhost/nothing"}) {
      assertThat(H2Recovery.recovering(url)).isEqualTo(url);
    }
    var url = H2Recovery.recovering(url("closed"));
    try (var _ = DriverManager.getConnection(url);
        var _ = DriverManager.getConnection(url)) {
      assertThat(file("closed.mv.db")).exists();
    }
    try (var _ = DriverManager.getConnection(url)) {
      assertThat(log).doesNotContain(LOOKED);
    }
  }

  @Test
  void whoeverComesSecondIsToldByH2(CapturedOutput log) throws Exception {
    try (var _ = DriverManager.getConnection(url("open"))) {
      assertThatThrownBy(() -> lastNumber(H2Recovery.recovering(url("open"))))
          .satisfies(
              e ->
                  assertThat(((SQLException) e).getErrorCode())
                      .isEqualTo(ErrorCode.DATABASE_ALREADY_OPEN_1));
    }
    assertThat(log).doesNotContain(LOOKED);
  }

  @Test
  void whatCannotBeReadIsSaidByH2() throws Exception {
    Files.writeString(file("broken.mv.db"), "H:2,block:");
    assertThatThrownBy(() -> lastNumber(H2Recovery.recovering(url("broken"))))
        .hasMessageContaining("broken.mv.db");
  }

  private Path file(String name) {
    return dir.resolve(name);
  }

  private String url(String name) {
    return "jdbc:h2:file:" + file(name) + ";DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0";
  }

  private void copy(String from, String to) throws Exception {
    Files.copy(file(from + ".mv.db"), file(to + ".mv.db"), StandardCopyOption.REPLACE_EXISTING);
  }

  /** Returns the number of the last commit that succeeded; there is room again afterwards. */
  private int untilFull(String url, String name, int seed) throws Exception {
    int last = 0;
    try (var connection = DriverManager.getConnection(url + ";WRITE_DELAY=0")) {
      var writer = new Writer(connection, seed);
      while (true) {
        if (last == COMMITS / 2) {
          SmallDisk.bytes = Files.size(file(name + ".mv.db")) + 50_000;
        }
        writer.commit(last + 1);
        last++;
      }
    } catch (SQLException e) {
      assertThat(Outage.behind(e)).contains("no space");
    } finally {
      SmallDisk.bytes = Long.MAX_VALUE;
    }
    return last;
  }

  private static int lastNumber(String url) throws SQLException {
    try (var connection = DriverManager.getConnection(url);
        var row = connection.createStatement().executeQuery("select max(number) from place")) {
      row.next();
      return row.getInt(1);
    }
  }

  /** Writes over the places of a table in turn. */
  private static final class Writer {

    private final Connection connection;
    private final Random random;

    Writer(Connection connection, int seed) throws SQLException {
      this.connection = connection;
      random = new Random(seed);
      try (var statement = connection.createStatement()) {
        statement.execute(
            "create table place (id integer primary key, number integer, content bytea)");
        // Freed places are used again at once, not only after 45 seconds.
        statement.execute("set retention_time 0");
      }
    }

    void commit(int number) throws SQLException {
      try (var merge = connection.prepareStatement("merge into place values (?, ?, ?)")) {
        var content = new byte[random.nextInt(30_000)];
        random.nextBytes(content);
        merge.setInt(1, number % 5);
        merge.setInt(2, number);
        merge.setBytes(3, content);
        merge.execute();
      }
    }
  }

  /** Files beyond {@link #bytes} cannot be written. */
  public static final class SmallDisk extends FilePathWrapper {

    static volatile long bytes = Long.MAX_VALUE;

    @Override
    public String getScheme() {
      return "small";
    }

    @Override
    public FileChannel open(String mode) throws IOException {
      var file = super.open(mode);
      return new FileBaseDefault() {
        @Override
        public long size() throws IOException {
          return file.size();
        }

        @Override
        public int read(ByteBuffer into, long position) throws IOException {
          return file.read(into, position);
        }

        @Override
        public int write(ByteBuffer from, long position) throws IOException {
          if (position + from.remaining() > bytes) {
            throw new IOException("no space");
          }
          return file.write(from, position);
        }

        @Override
        public FileLock tryLock(long position, long size, boolean shared) throws IOException {
          return file.tryLock(position, size, shared);
        }

        @Override
        protected void implTruncate(long size) throws IOException {
          file.truncate(size);
        }

        @Override
        protected void implCloseChannel() throws IOException {
          file.close();
        }
      };
    }
  }
}
