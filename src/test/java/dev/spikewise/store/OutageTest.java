package dev.spikewise.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.zaxxer.hikari.SQLExceptionOverride.Override;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.SQLNonTransientConnectionException;
import org.junit.jupiter.api.Test;

class OutageTest {

  private static final String URL = "jdbc:h2:mem:outage;LOCK_TIMEOUT=50";

  @Test
  void lockedRowIsNotOutageAndKeepsConnection() throws SQLException {
    try (var holder = DriverManager.getConnection(URL);
        var waiter = DriverManager.getConnection(URL)) {
      execute(holder, "create table job (id int primary key)");
      execute(holder, "insert into job values (1)");
      holder.setAutoCommit(false);
      execute(holder, "select id from job where id = 1 for update");
      var timeout =
          catchThrowableOfType(
              SQLException.class,
              () -> execute(waiter, "select id from job where id = 1 for update"));
      assertThat(timeout.getMessage()).contains("lock");
      assertThat(Outage.behind(timeout)).isNull();
      assertThat(new Outage().adjudicate(timeout)).isEqualTo(Override.DO_NOT_EVICT);
      holder.rollback();
      execute(waiter, "select id from job where id = 1 for update");
    }
  }

  @Test
  void brokenConnectionIsOutage() {
    var broken = new SQLNonTransientConnectionException("Connection is broken", "90067", 90067);
    assertThat(Outage.behind(broken)).isEqualTo("Connection is broken");
    assertThat(new Outage().adjudicate(broken)).isEqualTo(Override.MUST_EVICT);
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }
}
