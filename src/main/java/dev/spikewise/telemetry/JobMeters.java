package dev.spikewise.telemetry;

import dev.spikewise.job.Job;
import dev.spikewise.job.JobEvent;
import dev.spikewise.job.Workers;
import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.spec.EpochMetrics.Spiking;
import dev.spikewise.store.Ticker;
import dev.spikewise.telemetry.MetricsSettings.Cardinality;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.stereotype.Component;
import org.springframework.transaction.event.TransactionalEventListener;

/**
 * Live metrics of the jobs that this process trains. The series of a job are removed two to three
 * scrapes after the process stops training it, because the job has ended, was paused, or was
 * reclaimed.
 */
@Component
class JobMeters implements DisposableBean {

  private static final int SCRAPES_KEPT = 2;

  private final MeterRegistry registry;
  private final MetricsSettings settings;
  private final Workers workers;
  private final Map<UUID, Live> lives = new HashMap<>();
  private final Ticker sweeper;

  JobMeters(MeterRegistry registry, MetricsSettings settings, Workers workers) {
    this.registry = registry;
    this.settings = settings;
    this.workers = workers;
    sweeper = new Ticker("job-meters", settings.scrapeInterval(), this::sweep);
  }

  /** The meters of one job and the latest state that they read. */
  private static final class Live {
    volatile Job job;
    final List<Meter> meters = new ArrayList<>();
    int scrapesIdle;

    Live(Job job) {
      this.job = job;
    }
  }

  @TransactionalEventListener
  synchronized void on(JobEvent.EpochsCompleted event) {
    if (settings.cardinality() != Cardinality.FLEET) {
      var job = event.job();
      lives.computeIfAbsent(job.id(), id -> register(job, event.epochs().getLast())).job = job;
    }
  }

  private synchronized void sweep() {
    var training = workers.training();
    lives
        .entrySet()
        .removeIf(
            entry -> {
              var live = entry.getValue();
              live.scrapesIdle = training.contains(entry.getKey()) ? 0 : live.scrapesIdle + 1;
              boolean over = live.scrapesIdle > SCRAPES_KEPT;
              if (over) {
                live.meters.forEach(registry::remove);
              }
              return over;
            });
  }

  private Live register(Job job, EpochMetrics epoch) {
    var live = new Live(job);
    var of = Tags.of("job_id", job.id().toString());
    var name = of.and("name", job.name() == null ? "" : job.name());
    add(
        live,
        "spikewise.job.info",
        name,
        "Constant 1 per running job, with the job's name as label",
        now -> 1);
    add(live, "spikewise.job.epoch", of, "Complete epochs", now -> now.progress().epoch());
    add(
        live,
        "spikewise.job.progress.ratio",
        of,
        "Completed epochs divided by requested epochs",
        now -> now.progress().ratio());
    add(live, "spikewise.job.loss", of, "Loss of the last epoch", latest(EpochMetrics::loss));
    add(
        live,
        "spikewise.job.synops",
        of,
        "Synaptic operations per sample in the last epoch",
        latest(EpochMetrics::synops));
    add(
        live,
        "spikewise.job.firing.rate",
        of,
        "Firing rate in the last epoch, in spikes per neuron per time step",
        latest(EpochMetrics::firingRate));
    if (job.targetSynops() != null) {
      double target = job.targetSynops();
      add(
          live,
          "spikewise.job.target.ratio",
          of,
          "Synaptic operations per sample in the last epoch divided by the target",
          latest(now -> now.synops() / target));
    }
    if (epoch.accuracy() != null) {
      add(
          live,
          "spikewise.job.accuracy.ratio",
          of,
          "Share of training samples classified correctly in the last epoch",
          latest(now -> orNaN(now.accuracy())));
    }
    if (epoch.testAccuracy() != null) {
      add(
          live,
          "spikewise.job.test.accuracy.ratio",
          of,
          "Share of test samples classified correctly after the last epoch",
          latest(now -> orNaN(now.testAccuracy())));
    }
    if (settings.cardinality() == Cardinality.LAYER) {
      addLayers(live, epoch, of);
    }
    return live;
  }

  private void addLayers(Live live, EpochMetrics epoch, Tags of) {
    for (var layer : epoch.parameter().keySet()) {
      add(
          live,
          "spikewise.layer.synops",
          of.and("layer", layer),
          "Synaptic operations per sample of this layer's weights in the last epoch",
          latest(now -> figure(now.parameter(), layer, EpochMetrics.Parameter::synops)));
    }
    for (var layer : epoch.spiking().keySet()) {
      var at = of.and("layer", layer);
      add(
          live,
          "spikewise.layer.firing.rate",
          at,
          "Firing rate of this layer in the last epoch, in spikes per neuron per time step",
          latest(now -> figure(now.spiking(), layer, Spiking::firingRate)));
      add(
          live,
          "spikewise.layer.silent.ratio",
          at,
          "Share of this layer's neurons that never fired in the last epoch",
          latest(now -> figure(now.spiking(), layer, Spiking::silentRatio)));
    }
  }

  private static <T> double figure(Map<String, T> layers, String name, ToDoubleFunction<T> figure) {
    var layer = layers.get(name);
    return layer == null ? Double.NaN : figure.applyAsDouble(layer);
  }

  private void add(
      Live live, String name, Tags tags, String description, ToDoubleFunction<Job> figure) {
    live.meters.add(
        Gauge.builder(name, live, l -> figure.applyAsDouble(l.job))
            .tags(tags)
            .description(description)
            .register(registry));
  }

  private static ToDoubleFunction<Job> latest(ToDoubleFunction<EpochMetrics> figure) {
    return job -> job.latest() == null ? Double.NaN : figure.applyAsDouble(job.latest());
  }

  private static double orNaN(@Nullable Double value) {
    return value == null ? Double.NaN : value;
  }

  @Override
  public void destroy() {
    sweeper.close();
  }
}
