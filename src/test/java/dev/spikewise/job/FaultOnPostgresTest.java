package dev.spikewise.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.spikewise.PostgresDatabase;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.datasource.DriverManagerDataSource;

@Tag("docker")
class FaultOnPostgresTest extends FaultTest {

  @Override
  @BeforeEach
  void createDatabase() {
    var server = PostgresDatabase.create();
    database =
        JdbcClient.create(
            new DriverManagerDataSource(
                server.getJdbcUrl(), server.getUsername(), server.getPassword()));
    settings.addAll(
        List.of(
            "--spring.datasource.url=" + server.getJdbcUrl(),
            "--spring.datasource.username=" + server.getUsername(),
            "--spring.datasource.password=" + server.getPassword()));
  }

  @Test
  void aFrozenReplicasJobGoesOnElsewhereAndItsOwnWritesAreRefused() throws Exception {
    try (var frozen = start()) {
      var job = frozen.submit(SPEC);
      frozen.await(job, now -> epoch(now) > 20);
      frozen.freeze();
      try (var other = start()) {
        other.await(job, now -> now.get("attempt").asInt() > 1);
        frozen.thaw();
        var end = finished(other, job);
        assertThat(end).isEqualTo(finished(frozen, frozen.submit(SPEC)));
        assertThat(frozen.metric("spikewise_fenced_writes_total")).isPositive();
      }
    }
    assertThat(leases()).isZero();
  }

  @Test
  void aDatabaseThatCrashesInTheMiddleLosesNothing() throws Exception {
    try (var service = start()) {
      var job = service.submit(SPEC);
      service.await(job, now -> epoch(now) > 20);
      PostgresDatabase.kill(
          database
              .sql("select pid from pg_stat_activity where backend_type = 'checkpointer'")
              .query(Integer.class)
              .single());
      assertThat(finished(service, job)).isEqualTo(finished(service, service.submit(SPEC)));
    }
    assertThat(leases()).isZero();
  }
}
