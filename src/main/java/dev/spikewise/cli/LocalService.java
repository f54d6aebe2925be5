package dev.spikewise.cli;

import dev.spikewise.job.LocalJobs;
import dev.spikewise.job.LocalTraining;
import dev.spikewise.json.ModelModule;
import dev.spikewise.model.Analyses;
import dev.spikewise.model.Limits;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Problem;
import dev.spikewise.spec.AnalysisSpec;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.web.BodyReader;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Supplier;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.core.env.StandardEnvironment;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * Computes responses of the service in this process without starting it, because starting a Spring
 * context and a database takes many times as long.
 */
final class LocalService {

  /** Has the same settings as the service; see spring.jackson in application.yaml. */
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .addModule(new ModelModule())
          .build();

  private final BodyReader bodies;

  /** Uses the limits from system properties and environment variables. */
  LocalService() {
    var limits =
        Binder.get(new StandardEnvironment()).bindOrCreate("spikewise.limits", Limits.class);
    bodies = new BodyReader(JSON, limits);
  }

  /**
   * Returns the response of POST /jobs?dry_run=true.
   *
   * @param files files of the data set by the name of their upload part
   */
  JsonNode validate(JsonNode body, Map<String, Path> files) {
    return document(
        () -> LocalJobs.dryRun(bodies.bind(body, JSON.constructType(TrainingSpec.class)), files));
  }

  /** Prepares a training in this process from the body of POST /jobs. */
  LocalTraining training(JsonNode body, Map<String, Path> files) {
    return answer(
        () ->
            new LocalTraining(
                bodies.bind(body, JSON.constructType(TrainingSpec.class)),
                files,
                JSON,
                Version.PROGRAM));
  }

  /** Returns the response of POST /analyses. */
  JsonNode analyze(JsonNode body, Map<String, Path> files) {
    return document(
        () ->
            Analyses.analyzeLocally(
                bodies.bind(body, JSON.constructType(AnalysisSpec.class)), files));
  }

  private static JsonNode document(Supplier<Object> work) {
    return document(answer(work));
  }

  /** Converts a value to JSON as the service does. */
  static JsonNode document(Object value) {
    return JSON.valueToTree(value);
  }

  /**
   * Returns the result of {@code work}; an invalid spec ends the command with the exit code for
   * invalid input.
   */
  static <T> T answer(Supplier<T> work) {
    try {
      return work.get();
    } catch (InvalidSpecException e) {
      var problem = document(Problem.of(e));
      throw new CommandException(
          ExitCode.INVALID_INPUT, Client.describe(problem, "Invalid input"), problem);
    }
  }
}
