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
 * What the service answers, computed in this process without starting the service: a Spring context
 * and a database take many times as long as the answer.
 */
final class LocalService {

  /** Reads and writes as the service does; see spring.jackson in application.yaml. */
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .addModule(new ModelModule())
          .build();

  private final BodyReader bodies;

  /** With the limits of system properties and environment variables. */
  LocalService() {
    var limits =
        Binder.get(new StandardEnvironment()).bindOrCreate("spikewise.limits", Limits.class);
    bodies = new BodyReader(JSON, limits);
  }

  /**
   * As POST /jobs?dry_run=true answers.
   *
   * @param files of the data set, by the name of their part
   */
  JsonNode validate(JsonNode body, Map<String, Path> files) {
    return document(
        () -> LocalJobs.dryRun(bodies.bind(body, JSON.constructType(TrainingSpec.class)), files));
  }

  /** A training of this process, of a job as POST /jobs takes it. */
  LocalTraining training(JsonNode body, Map<String, Path> files) {
    return answer(
        () ->
            new LocalTraining(
                bodies.bind(body, JSON.constructType(TrainingSpec.class)),
                files,
                JSON,
                Version.PROGRAM));
  }

  /** As POST /analyses answers. */
  JsonNode analyze(JsonNode body, Map<String, Path> files) {
    return document(
        () ->
            Analyses.analyzeLocally(
                bodies.bind(body, JSON.constructType(AnalysisSpec.class)), files));
  }

  private static JsonNode document(Supplier<Object> work) {
    return document(answer(work));
  }

  /** As the service writes it. */
  static JsonNode document(Object value) {
    return JSON.valueToTree(value);
  }

  /** What {@code work} gives; a spec that it refuses ends the command as invalid input. */
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
