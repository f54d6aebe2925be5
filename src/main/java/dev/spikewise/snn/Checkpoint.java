package dev.spikewise.snn;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Everything that a training needs to continue with bit-identical results: weights, optimiser state
 * and number of epochs. Random numbers are derived from (seed, epoch, sample), so the random
 * generator has no other state.
 *
 * <p>Binary format, big-endian: "SPKW", version, epoch, three tables of tensors (count; then name,
 * rank, dims, float32 values per tensor), CRC-32C of all preceding bytes.
 *
 * @param epoch number of completed epochs
 * @param weights the model's state_dict
 * @param optimizer moments and step counts of the optimiser
 * @param monitors state of early stopping, ReduceLROnPlateau and restore_best
 */
public record Checkpoint(int epoch, StateDict weights, StateDict optimizer, StateDict monitors) {

  private static final int MAGIC = 0x53504b57;
  private static final int VERSION = 2;

  /** Checkpoint of a training that starts from these weights. */
  public static Checkpoint initial(StateDict weights) {
    var nothing = new StateDict(Map.of());
    return new Checkpoint(0, weights, nothing, nothing);
  }

  public byte[] toBytes() {
    var bytes = new ByteArrayOutputStream();
    try (var out = new DataOutputStream(bytes)) {
      out.writeInt(MAGIC);
      out.writeInt(VERSION);
      out.writeInt(epoch);
      write(out, weights);
      write(out, optimizer);
      write(out, monitors);
      out.writeInt(checksum(bytes.toByteArray(), bytes.size()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /**
   * @throws IllegalArgumentException when {@code bytes} are not a complete checkpoint of a
   *     supported version
   */
  public static Checkpoint fromBytes(byte[] bytes) {
    var in = ByteBuffer.wrap(bytes);
    try {
      if (in.getInt() != MAGIC) {
        throw new IllegalArgumentException("not a Spikewise checkpoint");
      }
      int version = in.getInt();
      if (version != VERSION) {
        throw new IllegalArgumentException(
            "a checkpoint of version " + version + "; this program reads version " + VERSION);
      }
      if (in.getInt(bytes.length - Integer.BYTES)
          != checksum(bytes, bytes.length - Integer.BYTES)) {
        throw new IllegalArgumentException("a damaged checkpoint: its checksum does not match");
      }
      return new Checkpoint(in.getInt(), read(in), read(in), read(in));
    } catch (BufferUnderflowException | IndexOutOfBoundsException e) {
      throw new IllegalArgumentException("a damaged checkpoint: it ends too early", e);
    }
  }

  private static void write(DataOutputStream out, StateDict tensors) throws IOException {
    out.writeInt(tensors.tensors().size());
    for (Map.Entry<String, Tensor> entry : tensors.tensors().entrySet()) {
      byte[] name = entry.getKey().getBytes(StandardCharsets.UTF_8);
      out.writeInt(name.length);
      out.write(name);
      Tensor tensor = entry.getValue();
      out.writeInt(tensor.shape().length);
      for (int d : tensor.shape()) {
        out.writeInt(d);
      }
      var values = ByteBuffer.allocate(Float.BYTES * tensor.data().length);
      values.asFloatBuffer().put(tensor.data());
      out.write(values.array());
    }
  }

  private static StateDict read(ByteBuffer in) {
    var tensors = new LinkedHashMap<String, Tensor>();
    for (int left = in.getInt(); left > 0; left--) {
      var name = new byte[in.getInt()];
      in.get(name);
      var shape = new int[in.getInt()];
      int size = 1;
      for (int i = 0; i < shape.length; i++) {
        shape[i] = in.getInt();
        size *= shape[i];
      }
      var data = new float[size];
      in.asFloatBuffer().get(data);
      in.position(in.position() + Float.BYTES * size);
      tensors.put(new String(name, StandardCharsets.UTF_8), new Tensor(shape, data));
    }
    return new StateDict(tensors);
  }

  private static int checksum(byte[] bytes, int length) {
    var crc = new CRC32C();
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }
}
