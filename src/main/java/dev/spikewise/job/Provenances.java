package dev.spikewise.job;

import dev.spikewise.snn.Engine;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.spec.TrainingSpec;
import dev.spikewise.store.Sha256;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;

/** Records the origin of a result. */
@Component
class Provenances {

  private final JsonMapper mapper;
  private final String version;

  Provenances(JsonMapper mapper, @Value("${spring.application.version:unknown}") String version) {
    this.mapper = mapper;
    this.version = version;
  }

  /**
   * @param classNames name of each class of {@code dataset}, by label; null when it names no
   *     classes
   */
  Provenance of(
      TrainingSpec spec,
      @Nullable StateDict weights,
      @Nullable Dataset dataset,
      @Nullable List<String> classNames,
      Engine engine) {
    return new Provenance(
        Sha256.hex(mapper.writeValueAsBytes(spec)),
        weights == null ? null : Sha256.hex(Checkpoints.npz(weights.tensors())),
        dataset == null ? null : sha256(dataset),
        classNames,
        spec.seed(),
        version,
        engine.kernels(),
        engine.threads(),
        System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"),
        System.getProperty("os.name")
            + " "
            + System.getProperty("os.version")
            + " "
            + System.getProperty("os.arch"),
        WideTraining.current().map(WideTraining::place).orElse(null));
  }

  /**
   * Hash of values and labels, computed sample by sample so that no copy of all samples is needed.
   */
  private static String sha256(Dataset dataset) {
    var digest = Sha256.digest();
    var values = new float[dataset.values().sampleSize()];
    var bytes = ByteBuffer.allocate(Float.BYTES * values.length);
    for (int sample = 0; sample < dataset.size(); sample++) {
      dataset.values().read(sample, values);
      bytes.asFloatBuffer().put(values);
      digest.update(bytes.array());
    }
    var labels = ByteBuffer.allocate(Integer.BYTES * dataset.labels().length);
    labels.asIntBuffer().put(dataset.labels());
    digest.update(labels.array());
    return Sha256.hex(digest);
  }
}
