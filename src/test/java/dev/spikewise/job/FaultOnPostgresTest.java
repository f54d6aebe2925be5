package dev.spikewise.job;

import dev.spikewise.PostgresDatabase;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

@Tag("docker")
class FaultOnPostgresTest extends FaultTest {

  @Override
  @BeforeEach
  void createDatabase() {
    var server = PostgresDatabase.create();
    database = PostgresDatabase.client(server);
    settings.addAll(PostgresDatabase.settings(server));
  }
}
