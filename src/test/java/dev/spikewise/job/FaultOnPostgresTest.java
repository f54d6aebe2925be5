package dev.spikewise.job;

import dev.spikewise.Needs;
import dev.spikewise.Part;
import dev.spikewise.PostgresDatabase;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

/** Replicas on PostgreSQL are killed in every build, by {@link ReplicasTest}. */
@Tag("soak")
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
