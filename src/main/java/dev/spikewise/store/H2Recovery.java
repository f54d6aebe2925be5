package dev.spikewise.store;

import java.util.Properties;
import org.h2.engine.ConnectionInfo;
import org.h2.engine.Constants;
import org.h2.store.fs.FilePath;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.jdbc.DatabaseDriver;
import org.springframework.boot.jdbc.autoconfigure.JdbcConnectionDetails;
import org.springframework.stereotype.Component;

/**
 * Makes H2 open its file through {@link RecoveredFile}, so that the last commits are recovered
 * after a killed process or a failed write.
 */
@Component
public class H2Recovery implements BeanPostProcessor {

  private static final String FILE = "file:";

  /**
   * Replaces the URL before any connection is opened. All connections must use the same name for
   * the file, or H2 opens it twice.
   */
  @Override
  public Object postProcessAfterInitialization(Object bean, String name) {
    return bean instanceof JdbcConnectionDetails details
            && DatabaseDriver.fromJdbcUrl(details.getJdbcUrl()) == DatabaseDriver.H2
        ? new Recovering(details)
        : bean;
  }

  private record Recovering(JdbcConnectionDetails details) implements JdbcConnectionDetails {

    @Override
    public String getJdbcUrl() {
      return recovering(details.getJdbcUrl());
    }

    @Override
    public @Nullable String getUsername() {
      return details.getUsername();
    }

    @Override
    public @Nullable String getPassword() {
      return details.getPassword();
    }

    @Override
    public String getDriverClassName() {
      return details.getDriverClassName();
    }
  }

  /**
   * URL of the same database through {@link RecoveredFile}; unchanged when it is not an embedded
   * file.
   */
  public static String recovering(String jdbcUrl) {
    var connection = new ConnectionInfo(jdbcUrl, new Properties(), null, null);
    String path = jdbcUrl.substring(Constants.START_URL.length());
    if (!connection.isPersistent() || connection.isRemote()) {
      return jdbcUrl;
    }
    FilePath.register(new RecoveredFile());
    return Constants.START_URL
        + RecoveredFile.SCHEME
        + ":"
        + (path.startsWith(FILE) ? path.substring(FILE.length()) : path);
  }
}
