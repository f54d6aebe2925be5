package dev.spikewise.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.dao.QueryTimeoutException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** A statement that takes long is ended where it reads, and only there. */
@SpringBootTest(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:timeouts;DB_CLOSE_DELAY=-1",
      "spring.datasource.hikari.maximum-pool-size=2",
      "spikewise.data-dir=target/test-data",
      "spikewise.jobs.workers=0",
      "spikewise.jobs.poll=1h",
      "spikewise.sweeps.poll=1h",
      "spikewise.searches.poll=1h",
      "spikewise.database.read-timeout=300ms"
    })
class ReadTimeoutsTest {

  /** Far more rows than can be counted in the time of a read. */
  String slow = "select count(*) from system_range(1, %d) a where mod(a.x, 7) = 3";

  @Autowired JdbcClient database;
  @Autowired PlatformTransactionManager transactions;

  long count(boolean reads, long rows) {
    var transaction = new TransactionTemplate(transactions);
    transaction.setReadOnly(reads);
    return transaction.execute(_ -> database.sql(slow.formatted(rows)).query(Long.class).single());
  }

  @Test
  void endsAReadThatTakesLongAndNothingElse() {
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> count(true, 10_000_000_000L))
          .isInstanceOf(QueryTimeoutException.class);
      assertThat(count(true, 1000)).isEqualTo(143);
      long begin = System.nanoTime();
      assertThat(count(false, 20_000_000)).isEqualTo(2_857_143);
      assertThat(System.nanoTime() - begin)
          .as("longer than a read may take")
          .isGreaterThan(300_000_000L);
    }
  }
}
