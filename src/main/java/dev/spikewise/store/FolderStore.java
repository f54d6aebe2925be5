package dev.spikewise.store;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.springframework.core.io.InputStreamSource;

/** Large contents as files of a folder. A file appears under its name when it is complete. */
final class FolderStore implements ObjectStore {

  private final Path folder;

  FolderStore(Path folder) {
    this.folder = folder.toAbsolutePath();
  }

  private Path path(String name) {
    return folder.resolve(name.substring(0, 2)).resolve(name);
  }

  @Override
  public void put(String name, InputStreamSource content, long bytes) throws IOException {
    var path = path(name);
    Files.createDirectories(path.getParent());
    var incomplete = path.resolveSibling(name + ".part");
    try (var in = content.getInputStream();
        var file =
            FileChannel.open(
                incomplete,
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING)) {
      in.transferTo(Channels.newOutputStream(file));
      // The database row that is written next survives a power failure, and so must the file.
      file.force(true);
    } catch (IOException e) {
      Files.deleteIfExists(incomplete);
      throw e;
    }
    Files.move(incomplete, path, StandardCopyOption.ATOMIC_MOVE);
    try (var directory = FileChannel.open(path.getParent())) {
      directory.force(true);
    }
  }

  @Override
  public InputStream get(String name) throws IOException {
    return Files.newInputStream(path(name));
  }

  @Override
  public void delete(String name) throws IOException {
    var path = path(name);
    Files.deleteIfExists(path.resolveSibling(name + ".part"));
    Files.deleteIfExists(path);
  }

  @Override
  public void check() throws IOException {
    Files.createDirectories(folder);
    if (!Files.isWritable(folder)) {
      throw new IOException("the process may not write to " + folder);
    }
  }

  @Override
  public String description() {
    return "the folder " + folder;
  }
}
