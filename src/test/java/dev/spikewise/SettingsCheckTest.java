package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.SettingsCheck.UnknownSettingsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.ConfigurationPropertiesScan;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.core.env.SystemEnvironmentPropertySource;

/** A misspelt setting stops the start, wherever it is given. */
@ExtendWith(OutputCaptureExtension.class)
class SettingsCheckTest {

  /** The settings alone, without a database or server. */
  @Configuration(proxyBeanMethods = false)
  @ConfigurationPropertiesScan
  @Import(SettingsCheck.class)
  static class SettingsOnly {}

  private static ConfigurableApplicationContext start(
      Map<String, Object> variables, String... arguments) {
    return new SpringApplicationBuilder(SettingsOnly.class)
        .web(WebApplicationType.NONE)
        .initializers(
            context ->
                context
                    .getEnvironment()
                    .getPropertySources()
                    .addFirst(
                        new SystemEnvironmentPropertySource("test-systemEnvironment", variables)))
        .run(arguments);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "spikewise.jobs.wrokers=1           | Did you mean spikewise.jobs.workers?",
        "spikewise.quotas.jobs-quued=1      | Did you mean spikewise.quotas.jobs-queued?",
        "spikewise.quotas.tenants.a.epoch=1 | Did you mean spikewise.quotas.tenants.a.epochs?",
        "spikewise.security.api-keys[0].nam=x | Did you mean spikewise.security.api-keys[0].name?",
        "spikewise.job.workers=1            | Did you mean spikewise.jobs?",
        "spikewise.anything.new=1           | spikewise has data-dir, kernels,",
        "spikewise.jobs=1                   | is a group of settings",
        "spikewise.jobs.workers.more=1      | spikewise.jobs.workers has no sub-settings.",
        "spikewise.wrokers=1                | spikewise has"
      })
  void stopsAtUnknownArgument(String argument, String help, CapturedOutput output) {
    assertThatThrownBy(() -> start(Map.of(), "--" + argument))
        .isInstanceOf(UnknownSettingsException.class);
    assertThat(output)
        .contains(argument.substring(0, argument.indexOf('=')), help, "commandLineArgs")
        .doesNotContain("\tat dev.spikewise");
  }

  @Test
  void stopsAtUnknownSettingOfAFileAndNamesTheLine(@TempDir Path folder) throws Exception {
    var file = folder.resolve("application.yaml");
    Files.writeString(file, "spikewise:\n  jobs:\n    workers: 1\n    leese: 3s\n");
    assertThatThrownBy(() -> start(Map.of(), "--spring.config.additional-location=" + file.toUri()))
        .isInstanceOf(UnknownSettingsException.class)
        .hasMessageContaining("spikewise.jobs.leese")
        .hasMessageContaining("4:12")
        .hasMessageContaining("Did you mean spikewise.jobs.lease?");
  }

  @ParameterizedTest
  @CsvSource({
    "SPIKEWISE_JOBS_WROKERS, Did you mean SPIKEWISE_JOBS_WORKERS?",
    "SPIKEWISE_JOB_WORKERS, Did you mean SPIKEWISE_JOBS_WORKERS?",
    "SPIKEWISE_QUOTAS_JOBSQUUED, Did you mean SPIKEWISE_QUOTAS_JOBSQUEUED?",
    "SPIKEWISE_SECURITY_APIKEYS_0_NAAM, is unknown",
    "SPIKEWISE_DATADRI, Did you mean SPIKEWISE_DATADIR?"
  })
  void stopsAtUnknownEnvironmentVariable(String variable, String help) {
    assertThatThrownBy(() -> start(Map.of(variable, "1")))
        .isInstanceOf(UnknownSettingsException.class)
        .hasMessageContaining(variable)
        .hasMessageContaining(help);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SPIKEWISE_JOBS_WORKERS=2 SPIKEWISE_JOBS_MEMORYPERJOB=1GB"
            + " SPIKEWISE_JOBS_MEMORY_PER_JOB=1GB",
        "SPIKEWISE_DATA_DIR=x SPIKEWISE_DATADIR=x SPIKEWISE_QUOTAS_TENANTS_A_EPOCHS=3",
        "SPIKEWISE_SECURITY_ANONYMOUS=true SPIKEWISE_WEBHOOKS_RETRIES=1s,2s",
        "SPIKEWISE_SERVER=http://a SPIKEWISE_API_KEY=b SPIKEWISE_PORT=tcp://10.0.0.1:8080",
        "SPIKEWISE_SERVICE_HOST=a SPIKEWISE_SERVICE_PORT_HTTP=1 SPIKEWISE_PORT_8080_TCP_ADDR=a",
        "SPIKEWISE_POSTGRESQL_SERVICE_HOST=a SPIKEWISE_JOBS_SERVICE_HOST=a SPIKEWISE_OTHER_THING=b"
      })
  void letsOtherEnvironmentVariablesAlone(String variables) {
    Map<String, Object> all =
        Arrays.stream(variables.split(" "))
            .map(variable -> variable.split("=", 2))
            .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
    start(all).close();
  }

  @Test
  void acceptsEverySpellingThatSpringBinds() {
    start(
            Map.of(),
            "--spikewise.jobs.memoryPerJob=1GB",
            "--spikewise.jobs.threads_per_job=1",
            "--spikewise.webhooks.retries[0]=1s",
            "--spikewise.webhooks.retries[1]=2s",
            "--spikewise.metrics.energy-per-synop.my.chip=1e-12",
            "--spikewise.metrics.energy-per-synop[other.chip]=1e-12",
            "--spikewise.quotas.tenants[team.a].jobs-queued=3",
            "--spikewise.security.api-keys[0].name=a",
            "--spikewise.security.api-keys[0].sha256=" + "0".repeat(64))
        .close();
  }

  /** The whole service checks, not only this test's context. */
  @Test
  void serviceDoesNotStart() {
    assertThatThrownBy(
            () ->
                SpringApplication.run(
                    SpikewiseApplication.class,
                    "--server.port=0",
                    "--spring.datasource.url=jdbc:h2:mem:misspelt",
                    "--spikewise.limits.layrs=1"))
        .hasMessageContaining("Did you mean spikewise.limits.layers?");
  }
}
