package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class H2RecoveryTest {

  private static final int COMMITS = 100;

  @TempDir Path dir;

  private String url(String name) {
    return "jdbc:h2:file:" + dir.resolve(name) + ";DB_CLOSE_ON_EXIT=FALSE;WRITE_DELAY=0";
  }

  /** A copy of an open file is what a kill would have left. */
  @Test
  void everyCommitIsFoundWhereverTheProcessIsKilled() throws Exception {
    var random = new Random(1);
    int passedOver = 0;
    try (var connection = DriverManager.getConnection(url("open"));
        var statement = connection.createStatement()) {
      statement.execute(
          "create table place (id integer primary key, number integer, content bytea)");
      // Freed places are used again at once, not only after 45 seconds.
      statement.execute("set retention_time 0");
      for (int i = 1; i <= COMMITS; i++) {
        try (var merge = connection.prepareStatement("merge into place values (?, ?, ?)")) {
          var content = new byte[random.nextInt(30_000)];
          random.nextBytes(content);
          merge.setInt(1, i % 5);
          merge.setInt(2, i);
          merge.setBytes(3, content);
          merge.execute();
        }
        copy("killed");
        copy("mended");
        H2Recovery.recover(url("mended"));
        assertThat(lastNumber("mended")).isEqualTo(i);
        passedOver += i - lastNumber("killed");
      }
    }
    assertThat(passedOver)
        .as(
            "commits that this H2 passes over by itself: with none, H2Recovery is not needed any more")
        .isPositive();
  }

  @Test
  void whatIsNotThereInMemoryOrClosedIsLeftAlone(CapturedOutput log) throws Exception {
    H2Recovery.recover("jdbc:h2:mem:nothing");
    H2Recovery.recover(url("nothing"));
    try (var _ = DriverManager.getConnection(url("closed"))) {
      H2Recovery.recover(url("closed"));
    }
    H2Recovery.recover(url("closed"));
    assertThat(dir.resolve("nothing.mv.db")).doesNotExist();
    assertThat(log).doesNotContain("last commits");
  }

  @Test
  void whatCannotBeReadIsSaid(CapturedOutput log) throws Exception {
    Files.writeString(dir.resolve("broken.mv.db"), "H:2,block:");
    H2Recovery.recover(url("broken"));
    assertThat(log).contains("Could not look for the last commits of", "broken");
  }

  private void copy(String name) throws Exception {
    Files.copy(
        dir.resolve("open.mv.db"),
        dir.resolve(name + ".mv.db"),
        StandardCopyOption.REPLACE_EXISTING);
  }

  private int lastNumber(String name) throws SQLException {
    try (var connection = DriverManager.getConnection(url(name));
        var row = connection.createStatement().executeQuery("select max(number) from place")) {
      row.next();
      return row.getInt(1);
    }
  }
}
