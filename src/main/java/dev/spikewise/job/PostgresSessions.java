package dev.spikewise.job;

import com.zaxxer.hikari.HikariDataSource;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/**
 * Bounds how long PostgreSQL lets a session rest within a transaction. A worker that is frozen
 * there would keep its job's row locked, so that nobody could ever take the job back.
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
      // Some requests work for a while between two statements, so more than one lease.
      var lease = Binder.get(environment).bindOrCreate("spikewise.jobs", JobSettings.class).lease();
      pool.setConnectionInitSql(
          "set idle_in_transaction_session_timeout = " + lease.multipliedBy(4).toMillis());
    }
    return bean;
  }
}
