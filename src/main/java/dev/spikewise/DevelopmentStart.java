package dev.spikewise;

import dev.spikewise.job.Jobs;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.annotation.Profile;
import org.springframework.context.event.EventListener;
import org.springframework.core.io.Resource;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;

/**
 * Queues the sinabs tutorial's job on the first {@code mvn spring-boot:run}, so that the dashboard
 * has something to show.
 */
@Component
@Profile("dev")
class DevelopmentStart {

  private static final Logger LOG = LoggerFactory.getLogger(DevelopmentStart.class);

  private final Jobs jobs;
  private final JsonMapper mapper;
  private final Resource tutorial;

  DevelopmentStart(
      Jobs jobs, JsonMapper mapper, @Value("classpath:tutorial.json") Resource tutorial) {
    this.jobs = jobs;
    this.mapper = mapper;
    this.tutorial = tutorial;
  }

  @EventListener
  void ready(ApplicationReadyEvent event) throws IOException {
    var spec = mapper.readValue(tutorial.getContentAsByteArray(), TrainingSpec.class);
    var before =
        jobs.list(new Jobs.Filter(List.of(), Map.of(), spec.name()), 1, Long.MAX_VALUE).data();
    var job = before.isEmpty() ? jobs.submit(spec) : before.getFirst();
    var port =
        event.getApplicationContext().getEnvironment().getRequiredProperty("local.server.port");
    LOG.info(
        """
        The tutorial's job is {}. Look at
          http://localhost:{}/                        the dashboard
          http://localhost:{}/api/v1/jobs/{}
          http://localhost:{}/swagger-ui.html         all of the API
          http://localhost:{}/actuator/prometheus     the metrics\
        """,
        job.status().word(),
        port,
        port,
        job.id(),
        port,
        port);
  }
}
