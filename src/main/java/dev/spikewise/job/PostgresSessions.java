package dev.spikewise.job;

import com.zaxxer.hikari.HikariDataSource;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/**
 * Limits how long a PostgreSQL session may be idle in a transaction. A worker that freezes within a
 * transaction would otherwise keep its job's row locked, and the job could never be reclaimed.
 */
@Component
class PostgresSessions implements BeanPostProcessor {

  private final Environment environment;

  PostgresSessions(Environment environment) {
    this.environment = environment;
  }

  @Override
  public Object postProcessBeforeInitialization(Object bean, String name) {
    if (bean instanceof HikariDataSource pool
        && pool.getJdbcUrl() != null
        && pool.getJdbcUrl().startsWith("jdbc:postgresql:")
        && pool.getConnectionInitSql() == null) {
      // Longer than one lease, because some requests compute between two statements.
      var lease = Binder.get(environment).bindOrCreate("spikewise.jobs", JobSettings.class).lease();
      pool.setConnectionInitSql(
          "set idle_in_transaction_session_timeout = " + lease.multipliedBy(4).toMillis());
    }
    return bean;
  }
}
