package dev.spikewise.store;

import java.util.Optional;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.stereotype.Component;

/** Whether the embedded H2 database has room to write; a part of readiness. */
@Component
public class DatabaseSpace implements HealthIndicator {

  private final DatabaseSettings settings;

  DatabaseSpace(DatabaseSettings settings) {
    this.settings = settings;
  }

  /** Why nothing should be written now; nothing where there is room. */
  public Optional<String> shortage() {
    return WaitingChannel.failing()
        .or(
            () ->
                WaitingChannel.free()
                    .filter(free -> free < settings.minFree().toBytes())
                    .map(
                        free ->
                            "the database's disk has %,d bytes free, less than".formatted(free)
                                + " spikewise.database.min-free"));
  }

  @Override
  public Health health() {
    return shortage()
        .map(reason -> Health.down().withDetail("reason", reason).build())
        .orElseGet(() -> Health.up().build());
  }
}
