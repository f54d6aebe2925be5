package dev.spikewise.store;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.h2.store.fs.FileBase;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A file of H2 whose writes wait while the disk is full instead of failing.
 *
 * <p>H2 2.5 does not survive a failed write reliably: it closes its store with commits missing from
 * the header, sometimes keeps the file locked, and threads that use a connection afterwards can
 * spin for ever (src/docs/decisions/h2-recovery.md). So H2 never sees one. Reads go on meanwhile.
 */
final class WaitingChannel extends FileBase {

  private static final Logger LOG = LoggerFactory.getLogger(WaitingChannel.class);
  private static final long RETRY_MILLIS = 200;
  private static final Duration REPEAT_LOG = Duration.ofSeconds(30);

  /** Longest wait once the process has been asked to end. */
  private static final Duration LAST_WAIT = Duration.ofSeconds(10);

  private static final Set<WaitingChannel> OPEN = ConcurrentHashMap.newKeySet();
  private static final AtomicBoolean HOOKED = new AtomicBoolean();

  private final FileChannel file;
  private final File path;

  /** Why writes fail at present; null while they succeed. */
  private volatile @Nullable String failure;

  WaitingChannel(FileChannel file, String path) {
    this.file = file;
    this.path = new File(path);
    OPEN.add(this);
    if (HOOKED.compareAndSet(false, true)) {
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(
                  () -> Thread.ofPlatform().daemon().start(WaitingChannel::endWithoutWriting)));
    }
  }

  /** Why a file cannot be written at present. */
  static Optional<String> failing() {
    return OPEN.stream().flatMap(open -> Optional.ofNullable(open.failure).stream()).findAny();
  }

  /** Free bytes of the disk with the least; nothing when no file is open. */
  static Optional<Long> free() {
    return OPEN.stream().map(open -> open.path.getUsableSpace()).min(Long::compare);
  }

  /**
   * Ends a process that cannot end by itself, because closing the database has to write too. The
   * file is as after a kill, and is recovered when it is opened again.
   */
  private static void endWithoutWriting() {
    try {
      Thread.sleep(LAST_WAIT);
    } catch (InterruptedException e) {
      return;
    }
    if (failing().isPresent()) {
      LOG.error("The process ends although its database could not be closed: {}", failing().get());
      Runtime.getRuntime().halt(1);
    }
  }

  @Override
  public int write(ByteBuffer from, long position) throws IOException {
    int begin = from.position();
    boolean interrupted = false;
    long loggedAt = 0;
    try {
      while (true) {
        try {
          int written = file.write(from, position);
          if (loggedAt != 0) {
            LOG.info("{} can be written again", path);
          }
          return written;
        } catch (ClosedChannelException e) {
          throw e;
        } catch (IOException e) {
          from.position(begin);
          failure = e.getMessage();
          if (loggedAt == 0 || System.nanoTime() - loggedAt > REPEAT_LOG.toNanos()) {
            LOG.error("{} cannot be written; writes wait: {}", path, e.getMessage());
            loggedAt = System.nanoTime();
          }
          interrupted |= pause();
        }
      }
    } finally {
      failure = null;
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static boolean pause() {
    try {
      Thread.sleep(RETRY_MILLIS);
      return false;
    } catch (InterruptedException e) {
      return true;
    }
  }

  @Override
  public int write(ByteBuffer from) throws IOException {
    int written = write(from, file.position());
    file.position(file.position() + written);
    return written;
  }

  @Override
  public int read(ByteBuffer into, long position) throws IOException {
    return file.read(into, position);
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    return file.read(into);
  }

  @Override
  public long position() throws IOException {
    return file.position();
  }

  @Override
  public FileChannel position(long position) throws IOException {
    file.position(position);
    return this;
  }

  @Override
  public long size() throws IOException {
    return file.size();
  }

  @Override
  public FileChannel truncate(long size) throws IOException {
    file.truncate(size);
    return this;
  }

  @Override
  public void force(boolean metaData) throws IOException {
    file.force(metaData);
  }

  @Override
  public FileLock tryLock(long position, long size, boolean shared) throws IOException {
    return file.tryLock(position, size, shared);
  }

  @Override
  protected void implCloseChannel() throws IOException {
    OPEN.remove(this);
    file.close();
  }

  @Override
  public String toString() {
    return file.toString();
  }
}
