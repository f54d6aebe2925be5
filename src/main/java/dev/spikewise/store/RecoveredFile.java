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
 * An H2 file system that recovers the last commits of a database file each time that H2 opens it
 * after an unclean shutdown, and whose writes wait while the disk is full ({@link WaitingChannel}).
 *
 * <p>H2 finds its newest chunk through the file's header, which may be several commits behind
 * (src/docs/decisions/h2-recovery.md). H2's recovery mode scans the whole file instead, which takes
 * 3 to 20 s per GB. H2 holds its lock meanwhile, so no other process can open the file.
 */
public final class RecoveredFile extends FilePathWrapper {

  static final String SCHEME = "recovered";

  private static final Logger LOG = LoggerFactory.getLogger(RecoveredFile.class);
  private static final int HEADER_BYTES = 4096;

  /** Seconds per GB on a fast and on a slow disk. */
  private static final long FAST = 3;

  private static final long SLOW = 20;

  @Override
  public String getScheme() {
    return SCHEME;
  }

  /**
   * {@inheritDoc}
   *
   * @throws MVStoreException when the file cannot be read or its header cannot be written; opening
   *     it regardless would discard commits
   */
  @Override
  public FileChannel open(String mode) throws IOException {
    var file = getBase();
    if (!mode.equals("rw") || !file.getName().endsWith(Constants.SUFFIX_MV_FILE)) {
      return super.open(mode);
    }
    if (file.exists() && !wasClosed(file)) {
      recover(file);
    }
    return new WaitingChannel(super.open(mode), file.toString());
  }

  private static void recover(FilePath file) {
    try {
      long begin = System.nanoTime();
      long size = file.size();
      LOG.warn(
          "{} was not closed properly; its {} MB are scanned for the last commits before the"
              + " service starts, which takes about {} to {} s. If the process is ended meanwhile,"
              + " the next one scans again.",
          file,
          size >> 20,
          Math.ceilDiv(FAST * size, 1L << 30),
          Math.ceilDiv(SLOW * size, 1L << 30));
      new MVStore.Builder()
          .fileName(file.toString())
          .autoCommitDisabled()
          .recoveryMode()
          .open()
          .close();
      LOG.info(
          "Recovered the last commits of {} in {} ms",
          file,
          Duration.ofNanos(System.nanoTime() - begin).toMillis());
    } catch (MVStoreException e) {
      // The file is locked by another process; H2's own attempt to open it reports that.
      if (e.getErrorCode() != DataUtils.ERROR_FILE_LOCKED) {
        throw e;
      }
    }
  }

  /**
   * Whether the file was closed properly. The header has a flag that the first write clears. The
   * header of an encrypted file cannot be read.
   */
  private static boolean wasClosed(FilePath file) throws IOException {
    try (var in = file.newInputStream()) {
      var header = new String(in.readNBytes(HEADER_BYTES), StandardCharsets.ISO_8859_1);
      return !header.startsWith("H:") || header.lines().findFirst().orElse("").contains("clean:1");
    }
  }
}
