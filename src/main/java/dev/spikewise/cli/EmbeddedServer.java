package dev.spikewise.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.springframework.boot.Banner;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.util.FileSystemUtils;

/**
 * The whole service for the time of one command, on a free port of the loopback interface and with
 * nothing kept.
 */
final class EmbeddedServer implements AutoCloseable {

  private final ConfigurableApplicationContext context;
  private final Path folder;

  EmbeddedServer(Class<?> application) {
    try {
      folder = Files.createTempDirectory("spikewise");
      // Arguments win over the environment, which may be a server's.
      context =
          new SpringApplicationBuilder(application)
              .bannerMode(Banner.Mode.OFF)
              .logStartupInfo(false)
              .run(
                  "--server.address=127.0.0.1",
                  "--server.port=0",
                  "--spring.datasource.url=jdbc:h2:mem:command",
                  "--spikewise.data-dir=" + folder,
                  "--server.tomcat.basedir=" + folder,
                  "--logging.level.root=warn");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  URI uri() {
    return URI.create(
        "http://127.0.0.1:" + context.getEnvironment().getRequiredProperty("local.server.port"));
  }

  @Override
  public void close() {
    try {
      context.close();
    } finally {
      FileSystemUtils.deleteRecursively(folder.toFile());
    }
  }
}
