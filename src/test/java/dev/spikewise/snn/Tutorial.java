package dev.spikewise.snn;

import dev.spikewise.json.ModelModule;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.TrainingSpec;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** The network and the job of sinabs' tutorial "Training an SNN with fewer synops". */
public final class Tutorial {

  public static final JsonMapper JSON =
      JsonMapper.builder()
          .addModule(new ModelModule())
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .build();

  private Tutorial() {}

  public static ModelSpec model() {
    return JSON.readValue(
        """
        {"name": "fewer-synops", "input_shape": [1, 28, 28], "layers": [
          {"type": "FlattenTime"},
          {"type": "Conv2d", "in_channels": 1, "out_channels": 16, "kernel_size": 5, "bias": false},
          {"type": "IAFSqueeze"}, {"type": "SumPool2d", "kernel_size": 2},
          {"type": "Conv2d", "in_channels": 16, "out_channels": 32, "kernel_size": 5, "bias": false},
          {"type": "IAFSqueeze"}, {"type": "SumPool2d", "kernel_size": 2},
          {"type": "Conv2d", "in_channels": 32, "out_channels": 120, "kernel_size": 4, "bias": false},
          {"type": "IAFSqueeze"}, {"type": "Flatten"},
          {"type": "Linear", "in_features": 120, "out_features": 10, "bias": false},
          {"type": "IAFSqueeze"}, {"type": "UnflattenTime"} ] }
        """,
        ModelSpec.class);
  }

  static TrainingSpec job(long seed, int epochs, String loss) {
    return JSON.readValue(
        """
        {"model": %s, "input": {"type": "constant", "value": 1.0}, "batch_size": 5, "time_steps": 10, "epochs": %d,
         "seed": %d, "optimizer": {"type": "adam", "learning_rate": 0.001}, "loss": %s}
        """
            .formatted(JSON.writeValueAsString(model()), epochs, seed, loss),
        TrainingSpec.class);
  }

  static TrainingSpec job(long seed, int epochs, double multiple) {
    return job(
        seed,
        epochs,
        "[{\"type\": \"synops\", \"target\": {\"baseline_multiple\": " + multiple + "}}]");
  }
}
