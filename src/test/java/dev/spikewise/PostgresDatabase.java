package dev.spikewise;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.postgresql.PostgreSQLContainer;

/** One server for the whole suite, and in it a new, empty database for each context. */
@TestConfiguration(proxyBeanMethods = false)
public class PostgresDatabase {

  private static final AtomicInteger databases = new AtomicInteger();

  /** Where the context's own database is. */
  @Bean
  public static JdbcConnectionDetails create() {
    PostgreSQLContainer server = Server.RUNNING;
    String name = "test_" + databases.incrementAndGet();
    try {
      var created = server.execInContainer("createdb", "-U", server.getUsername(), name);
      if (created.getExitCode() != 0) {
        throw new IllegalStateException(created.getStderr());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return new Database(server, name);
  }

  /** A client of the test's own. */
  public static JdbcClient client(JdbcConnectionDetails database) {
    return JdbcClient.create(
        new DriverManagerDataSource(
            database.getJdbcUrl(), database.getUsername(), database.getPassword()));
  }

  /** What tells a service of its own process where the database is. */
  public static List<String> settings(JdbcConnectionDetails database) {
    return List.of(
        "--spring.datasource.url=" + database.getJdbcUrl(),
        "--spring.datasource.username=" + database.getUsername(),
        "--spring.datasource.password=" + database.getPassword());
  }

  /**
   * Kills one of the server's processes, which answers by ending all and recovering from its log.
   */
  public static void kill(int pid) throws IOException, InterruptedException {
    var killed = Server.RUNNING.execInContainer("bash", "-c", "kill -9 " + pid);
    if (killed.getExitCode() != 0) {
      throw new IllegalStateException(killed.getStderr());
    }
  }

  private record Database(PostgreSQLContainer server, String name)
      implements JdbcConnectionDetails {

    @Override
    public String getJdbcUrl() {
      // A stopped container hangs rather than refuses.
      return "jdbc:postgresql://%s:%d/%s?connectTimeout=2"
          .formatted(
              server.getHost(), server.getMappedPort(PostgreSQLContainer.POSTGRESQL_PORT), name);
    }

    @Override
    public String getUsername() {
      return server.getUsername();
    }

    @Override
    public String getPassword() {
      return server.getPassword();
    }
  }

  private static class Server {

    static final PostgreSQLContainer RUNNING = started();

    private static PostgreSQLContainer started() {
      if (!DockerClientFactory.instance().isDockerAvailable()) {
        throw new IllegalStateException(
            "Tests on PostgreSQL need Docker and found none that answers. Start it, or leave these"
                + " tests out with -DexcludedGroups=docker.");
      }
      var server = new PostgreSQLContainer("postgres:17");
      server.start();
      return server;
    }
  }
}
