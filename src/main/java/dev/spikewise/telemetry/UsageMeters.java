package dev.spikewise.telemetry;

import dev.spikewise.store.Ticking;
import dev.spikewise.tenant.Usage;
import dev.spikewise.tenant.Usages;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.stereotype.Component;

/**
 * Usage of each tenant in the current month. The values come from the database and are the same in
 * every process.
 */
@Component
class UsageMeters extends Ticking {

  private static final Logger LOG = LoggerFactory.getLogger(UsageMeters.class);

  private static final Usage NONE = new Usage("", "", 0, 0, 0, 0, 0, 0);

  private final MeterRegistry registry;
  private final Usages usages;
  private final Map<String, Usage> latest = new ConcurrentHashMap<>();

  UsageMeters(MeterRegistry registry, MetricsSettings settings, Usages usages) {
    // Sums over a month change slowly, and every process asks for them.
    super("usage-meters", settings.scrapeInterval().multipliedBy(4));
    this.registry = registry;
    this.usages = usages;
  }

  @Override
  public void start() {
    // The operators' series are always there.
    if (latest.putIfAbsent("", NONE) == null) {
      register("");
    }
    super.start();
  }

  @Override
  protected void tick() {
    try {
      var now = new HashMap<String, Usage>();
      usages.current().forEach(usage -> now.put(usage.tenant(), usage));
      latest.replaceAll((tenant, before) -> now.getOrDefault(tenant, NONE));
      now.forEach(
          (tenant, usage) -> {
            if (latest.putIfAbsent(tenant, usage) == null) {
              register(tenant);
            }
          });
    } catch (RuntimeException e) {
      LOG.warn("The usage of tenants could not be read: {}", e.toString());
    }
  }

  private void register(String tenant) {
    add(
        tenant,
        "spikewise.usage.jobs",
        null,
        "Number of jobs that the tenant has submitted in this month",
        Usage::jobs);
    add(
        tenant,
        "spikewise.usage.synops",
        null,
        "Synaptic operations of the tenant's training samples in this month",
        Usage::synops);
    add(
        tenant,
        "spikewise.usage.training",
        "seconds",
        "Training time of the tenant's epochs in this month",
        Usage::trainingSeconds);
    add(
        tenant,
        "spikewise.usage.stored",
        "bytes",
        "Largest size that the tenant's stored data had in this month",
        Usage::storedBytes);
  }

  private void add(
      String tenant,
      String name,
      @Nullable String unit,
      String description,
      ToDoubleFunction<Usage> figure) {
    Gauge.builder(
            name,
            latest,
            all -> {
              var usage = all.get(tenant);
              return usage == null ? 0 : figure.applyAsDouble(usage);
            })
        .baseUnit(unit)
        .tag("tenant", tenant)
        .description(description)
        .register(registry);
  }
}
