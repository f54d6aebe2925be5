package dev.spikewise.job;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import dev.spikewise.PostgresDatabase;
import org.junit.jupiter.api.BeforeEach;

@Needs(Part.POSTGRES)
class FaultOnPostgresTest extends FaultTest {

  @Override
  @BeforeEach
  void createDatabase() {
    var server = PostgresDatabase.create();
    database = PostgresDatabase.client(server);
    settings.addAll(PostgresDatabase.settings(server));
  }
}
