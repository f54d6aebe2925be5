package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

@Needs(Part.POSTGRES)
class PostgresDatabaseTest {

  @Test
  void everyContextHasItsOwnDatabase() {
    var names =
        List.of(PostgresDatabase.create(), PostgresDatabase.create()).stream()
            .map(PostgresDatabase::client)
            .map(client -> client.sql("select current_database()").query(String.class).single())
            .toList();
    assertThat(names).doesNotHaveDuplicates().allMatch(name -> name.startsWith("test_"));
  }
}
