package dev.spikewise.retention;

import dev.spikewise.store.Database;
import dev.spikewise.store.PeriodicRun;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.SmartLifecycle;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Component;

/** Runs the retention in the interval that is set, in one process at a time. */
@Component
class RetentionRuns implements SmartLifecycle {

  private final Retention retention;
  private final PeriodicRun run;
  private final RetentionSettings settings;
  private final ApplicationEventPublisher publisher;
  private volatile boolean running;

  RetentionRuns(
      Retention retention,
      PeriodicRun retentionRun,
      RetentionSettings settings,
      ApplicationEventPublisher publisher) {
    this.retention = retention;
    this.run = retentionRun;
    this.settings = settings;
    this.publisher = publisher;
  }

  @Configuration(proxyBeanMethods = false)
  static class Lease {
    @Bean
    PeriodicRun retentionRun(RetentionSettings settings, JdbcClient client, Database database) {
      return new PeriodicRun("retention", settings.interval(), client, database);
    }
  }

  @Override
  public void start() {
    running = true;
    if (settings.deletes()) {
      run.start(this::work);
    }
  }

  void runWhenDue() {
    run.runWhenDue(this::work);
  }

  private void work() {
    boolean complete = false;
    try {
      complete = retention.run(run::goesOn);
    } finally {
      publisher.publishEvent(new RunEnded(complete));
    }
  }

  @Override
  public void stop() {
    run.stop();
    running = false;
  }

  @Override
  public boolean isRunning() {
    return running;
  }
}
