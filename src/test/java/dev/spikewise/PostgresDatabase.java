package dev.spikewise;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.postgresql.PostgreSQLContainer;

/**
 * One server for the whole suite, and in it a new, empty database for each context: a container
 * where Docker answers, and elsewhere the binaries that Maven brings.
 */
@TestConfiguration(proxyBeanMethods = false)
public class PostgresDatabase {

  private static final Logger LOG = LoggerFactory.getLogger(PostgresDatabase.class);
  private static final AtomicInteger databases = new AtomicInteger();

  /** Where the context's own database is. */
  @Bean
  public static JdbcConnectionDetails create() {
    Server server = Running.SERVER;
    String name = "test_" + databases.incrementAndGet();
    client(new Database(server, server.user())).sql("create database " + name).update();
    return new Database(server, name);
  }

  /** A client of the test's own. */
  public static JdbcClient client(JdbcConnectionDetails database) {
    return JdbcClient.create(
        new DriverManagerDataSource(
            database.getJdbcUrl(), database.getUsername(), database.getPassword()));
  }

  /** Settings with which another process connects to the database. */
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
    Running.SERVER.kill(pid);
  }

  /** Whether there is a server; starts it. */
  static boolean isAvailable() {
    try {
      return Running.SERVER != null;
    } catch (LinkageError e) {
      LOG.warn("PostgreSQL does not start", e);
      return false;
    }
  }

  private record Database(Server server, String name) implements JdbcConnectionDetails {

    @Override
    public String getJdbcUrl() {
      // A stopped container hangs rather than refuses.
      return "jdbc:postgresql://%s:%d/%s?connectTimeout=2"
          .formatted(server.host(), server.port(), name);
    }

    @Override
    public String getUsername() {
      return server.user();
    }

    @Override
    public String getPassword() {
      return server.password();
    }
  }

  /** It has a database with the name of its user. */
  private interface Server {

    String host();

    int port();

    String user();

    String password();

    void kill(int pid) throws IOException, InterruptedException;
  }

  private record Container(PostgreSQLContainer container) implements Server {

    static Container start() {
      var container = new PostgreSQLContainer("postgres:17");
      container.start();
      return new Container(container);
    }

    @Override
    public String host() {
      return container.getHost();
    }

    @Override
    public int port() {
      return container.getMappedPort(PostgreSQLContainer.POSTGRESQL_PORT);
    }

    @Override
    public String user() {
      return container.getUsername();
    }

    @Override
    public String password() {
      return container.getPassword();
    }

    @Override
    public void kill(int pid) throws IOException, InterruptedException {
      var killed = container.execInContainer("bash", "-c", "kill -9 " + pid);
      if (killed.getExitCode() != 0) {
        throw new IllegalStateException(killed.getStderr());
      }
    }
  }

  private record Binaries(EmbeddedPostgres postgres) implements Server {

    static Binaries start() {
      try {
        var postgres =
            EmbeddedPostgres.builder()
                // By default the library trades this for speed; tests crash the server.
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("max_connections", "100")
                .start();
        return new Binaries(postgres);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public String host() {
      return "127.0.0.1";
    }

    @Override
    public int port() {
      return postgres.getPort();
    }

    @Override
    public String user() {
      return "postgres";
    }

    @Override
    public String password() {
      return "postgres";
    }

    @Override
    public void kill(int pid) {
      if (!ProcessHandle.of(pid).orElseThrow().destroyForcibly()) {
        throw new IllegalStateException("cannot kill process " + pid);
      }
    }
  }

  private static class Running {

    static final Server SERVER =
        DockerClientFactory.instance().isDockerAvailable() ? Container.start() : Binaries.start();
  }
}
