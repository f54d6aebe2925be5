package dev.spikewise.store;

import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.stereotype.Component;

/**
 * Whether the store of large contents can be used. It is no part of readiness: queue, metrics and
 * most requests work without it, and workers retry.
 *
 * <p>A background thread performs the check, because an unreachable store keeps it waiting; health
 * requests return its last result.
 */
@Component
class ObjectStoreHealth extends Ticking implements HealthIndicator {

  private static final Logger LOG = LoggerFactory.getLogger(ObjectStoreHealth.class);

  private final LargeObjects objects;
  private volatile @Nullable String problem;

  ObjectStoreHealth(LargeObjects objects) {
    super("object-store-health", Duration.ofSeconds(5));
    this.objects = objects;
  }

  @Override
  protected void tick() {
    if (!objects.isOutsideDatabase()) {
      return;
    }
    try {
      objects.check();
      if (problem != null) {
        LOG.info("The store of large objects can be used again");
      }
      problem = null;
    } catch (IOException | RuntimeException e) {
      if (problem == null) {
        LOG.error("The store of large objects cannot be used: {}", e.getMessage());
      }
      problem = String.valueOf(e.getMessage());
    }
  }

  @Override
  public Health health() {
    var reason = problem;
    return reason == null
        ? Health.up().build()
        : Health.down().withDetail("reason", reason).build();
  }
}
