package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.jdbc.core.simple.JdbcClient;

@SpringBootTest
@OnPostgres
class PostgresDatabaseTest {

  @Autowired JdbcClient jdbc;

  @Test
  void everyContextHasItsOwnDatabase() {
    assertThat(jdbc.sql("select current_database()").query(String.class).single())
        .startsWith("test_");
  }
}
