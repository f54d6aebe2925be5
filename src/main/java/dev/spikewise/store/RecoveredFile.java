package dev.spikewise.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.h2.engine.Constants;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.MVStoreException;
import org.h2.store.fs.FilePath;
import org.h2.store.fs.FilePathWrapper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file system of H2 that looks through a database's file for its last commits each time that H2
 * opens it, where it had not been closed.
 *
 * <p>H2 goes by the file's header to its newest chunk, and the header may be some commits behind
 * (src/docs/decisions/h2-recovery.md). Its recovery mode looks at the whole file instead: 3 to 20 s
 * a GB. H2 holds its own lock meanwhile, so nobody opens the file in between.
 */
public final class RecoveredFile extends FilePathWrapper {

  static final String SCHEME = "recovered";

  private static final Logger LOG = LoggerFactory.getLogger(RecoveredFile.class);
  private static final int HEADER_BYTES = 4096;

  @Override
  public String getScheme() {
    return SCHEME;
  }

  /**
   * {@inheritDoc}
   *
   * @throws MVStoreException where the file cannot be read or its header not be written; opened
   *     regardless, it would be continued from an older commit
   */
  @Override
  public FileChannel open(String mode) throws IOException {
    var file = getBase();
    if (mode.equals("rw")
        && file.getName().endsWith(Constants.SUFFIX_MV_FILE)
        && file.exists()
        && !wasClosed(file)) {
      recover(file);
    }
    return super.open(mode);
  }

  private static void recover(FilePath file) {
    try {
      long begin = System.nanoTime();
      new MVStore.Builder()
          .fileName(file.toString())
          .autoCommitDisabled()
          .recoveryMode()
          .open()
          .close();
      LOG.info(
          "{} was not closed properly; recovered its last commits in {} ms",
          file,
          Duration.ofNanos(System.nanoTime() - begin).toMillis());
    } catch (MVStoreException e) {
      // Whoever opens it next says what to do about a second process.
      if (e.getErrorCode() != DataUtils.ERROR_FILE_LOCKED) {
        throw e;
      }
    }
  }

  /** The header says so, and no longer with the first write. An encrypted one cannot be read. */
  private static boolean wasClosed(FilePath file) throws IOException {
    try (var in = file.newInputStream()) {
      var header = new String(in.readNBytes(HEADER_BYTES), StandardCharsets.ISO_8859_1);
      return !header.startsWith("H:") || header.lines().findFirst().orElse("").contains("clean:1");
    }
  }
}
