package dev.spikewise.telemetry;

import dev.spikewise.job.Job;
import dev.spikewise.job.JobEvent;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.EpochMetrics.Spiking;
import dev.spikewise.telemetry.MetricsSettings.Cardinality;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.stereotype.Component;
import org.springframework.transaction.event.TransactionalEventListener;

/**
 * Live figures of the jobs that this process trains, which vanish two scrapes after the last news
 * of them.
 */
@Component
class JobMeters implements DisposableBean {

  private final MeterRegistry registry;
  private final MetricsSettings settings;
  private final Map<UUID, Live> lives = new ConcurrentHashMap<>();
  private final ScheduledExecutorService sweeper =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("job-meters").daemon().factory());

  JobMeters(MeterRegistry registry, MetricsSettings settings) {
    this.registry = registry;
    this.settings = settings;
  }

  /** The meters of one job, and the news they read. */
  private static final class Live {
    volatile Job job;
    final List<Meter> meters = new ArrayList<>();

    Live(Job job) {
      this.job = job;
    }
  }

  @TransactionalEventListener
  void on(JobEvent.EpochsCompleted event) {
    if (settings.cardinality() != Cardinality.FLEET) {
      lives.computeIfAbsent(event.job().id(), id -> register(event.job())).job = event.job();
    }
  }

  @TransactionalEventListener
  void on(JobEvent.StateChanged event) {
    var live = lives.get(event.job().id());
    if (live == null) {
      return;
    }
    live.job = event.job();
    if (!event.job().status().isActive()) {
      var _ =
          sweeper.schedule(
              () -> forget(live),
              settings.scrapeInterval().multipliedBy(2).toMillis(),
              TimeUnit.MILLISECONDS);
    }
  }

  private void forget(Live live) {
    // It may have been resumed meanwhile.
    if (!live.job.status().isActive() && lives.remove(live.job.id(), live)) {
      live.meters.forEach(registry::remove);
    }
  }

  private Live register(Job job) {
    var live = new Live(job);
    var tags = Tags.of("job", job.id().toString());
    add(
        live,
        "spikewise.job.info",
        tags.and("name", job.name() == null ? "" : job.name()),
        now -> 1);
    add(live, "spikewise.job.progress.ratio", tags, now -> now.progress().ratio());
    add(live, "spikewise.job.epoch", tags, now -> now.progress().epoch());
    add(live, "spikewise.job.loss", tags, latest(EpochMetrics::loss));
    add(live, "spikewise.job.synops", tags, latest(EpochMetrics::synops));
    add(live, "spikewise.job.firing.rate", tags, latest(EpochMetrics::firingRate));
    add(
        live,
        "spikewise.job.target.ratio",
        tags,
        latest(epoch -> epoch.synops() / orNaN(job.targetSynops())));
    add(live, "spikewise.job.accuracy.ratio", tags, latest(epoch -> orNaN(epoch.accuracy())));
    if (settings.cardinality() == Cardinality.LAYER && job.latest() != null) {
      addLayers(live, job.latest(), tags);
    }
    return live;
  }

  private void addLayers(Live live, EpochMetrics epoch, Tags tags) {
    for (var layer : epoch.parameter().keySet()) {
      var at = tags.and("layer", layer);
      add(
          live,
          "spikewise.layer.synops",
          at,
          latest(e -> of(e.parameter(), layer, EpochMetrics.Parameter::synops)));
    }
    for (var layer : epoch.spiking().keySet()) {
      var at = tags.and("layer", layer);
      add(
          live,
          "spikewise.layer.firing.rate",
          at,
          latest(e -> of(e.spiking(), layer, Spiking::firingRate)));
      add(
          live,
          "spikewise.layer.silent.ratio",
          at,
          latest(e -> of(e.spiking(), layer, Spiking::silentRatio)));
    }
  }

  private static <T> double of(Map<String, T> layers, String name, ToDoubleFunction<T> figure) {
    var layer = layers.get(name);
    return layer == null ? Double.NaN : figure.applyAsDouble(layer);
  }

  private void add(Live live, String name, Tags tags, ToDoubleFunction<Job> figure) {
    live.meters.add(
        Gauge.builder(name, live, l -> figure.applyAsDouble(l.job)).tags(tags).register(registry));
  }

  private static ToDoubleFunction<Job> latest(ToDoubleFunction<EpochMetrics> figure) {
    return job -> job.latest() == null ? Double.NaN : figure.applyAsDouble(job.latest());
  }

  private static double orNaN(@Nullable Double value) {
    return value == null ? Double.NaN : value;
  }

  @Override
  public void destroy() {
    sweeper.shutdownNow();
  }
}
