package dev.spikewise.job;

import dev.spikewise.snn.Engine;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.spec.TrainingSpec;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;

/** Writes down where a result comes from. */
@Component
class Provenances {

  private final JsonMapper mapper;
  private final String version;

  Provenances(JsonMapper mapper, @Value("${spring.application.version:unknown}") String version) {
    this.mapper = mapper;
    this.version = version;
  }

  Provenance of(
      TrainingSpec spec, @Nullable StateDict weights, @Nullable Dataset dataset, Engine engine) {
    return new Provenance(
        sha256(mapper.writeValueAsBytes(spec)),
        weights == null ? null : sha256(Checkpoints.npz(weights.tensors())),
        dataset == null ? null : sha256(bytes(dataset)),
        spec.seed(),
        version,
        engine.kernels(),
        engine.threads(),
        System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"),
        System.getProperty("os.name")
            + " "
            + System.getProperty("os.version")
            + " "
            + System.getProperty("os.arch"));
  }

  private static byte[] bytes(Dataset dataset) {
    var bytes = ByteBuffer.allocate(4 * (dataset.values().length + dataset.labels().length));
    bytes.asFloatBuffer().put(dataset.values());
    bytes.position(4 * dataset.values().length).asIntBuffer().put(dataset.labels());
    return bytes.array();
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
