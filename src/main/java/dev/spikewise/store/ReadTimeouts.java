package dev.spikewise.store;

import jakarta.persistence.EntityManagerFactory;
import java.sql.SQLException;
import java.time.Duration;
import javax.sql.DataSource;
import org.springframework.jdbc.datasource.DataSourceUtils;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.stereotype.Component;
import org.springframework.transaction.CannotCreateTransactionException;
import org.springframework.transaction.TransactionDefinition;

/**
 * Sets a timeout for every statement of a read-only transaction, so that a slow query does not
 * occupy a connection for longer than its client waits.
 */
@Component("transactionManager")
class ReadTimeouts extends JpaTransactionManager {

  private final transient Database database;
  private final Duration timeout;

  ReadTimeouts(
      EntityManagerFactory entities,
      DataSource source,
      Database database,
      DatabaseSettings settings) {
    super(entities);
    setDataSource(source);
    this.database = database;
    this.timeout = settings.readTimeout();
  }

  @Override
  protected void doBegin(Object transaction, TransactionDefinition definition) {
    super.doBegin(transaction, definition);
    try {
      // PostgreSQL resets the timeout at the end of the transaction; H2 keeps it for the
      // connection.
      if (database.isEmbedded()) {
        execute("set query_timeout " + (definition.isReadOnly() ? timeout.toMillis() : 0));
      } else if (definition.isReadOnly()) {
        execute("set local statement_timeout = " + timeout.toMillis());
      }
    } catch (RuntimeException e) {
      doCleanupAfterCompletion(transaction);
      throw e;
    }
  }

  private void execute(String setting) {
    var source = getDataSource();
    if (source == null) {
      return;
    }
    var connection = DataSourceUtils.getConnection(source);
    try (var statement = connection.createStatement()) {
      if (database.isEmbedded()) {
        // Hibernate asks every new connection for its timeout. H2 would find out by a query that
        // waits for writes in progress, unless the connection has been told before.
        statement.setQueryTimeout(0);
      }
      statement.execute(setting);
    } catch (SQLException e) {
      throw new CannotCreateTransactionException("The read timeout cannot be set", e);
    } finally {
      DataSourceUtils.releaseConnection(connection, source);
    }
  }
}
