package dev.spikewise.interop;

import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.stream.LongStream;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * <a href="https://huggingface.co/docs/safetensors">safetensors</a>: the length of a JSON header (8
 * bytes, little endian), the header, and the values it points into. Reads F32, F64, F16 and BF16,
 * and writes F32.
 */
public final class Safetensors {

  /** Maximum size of the header; a network with a thousand weight arrays needs a tenth of it. */
  private static final int MAX_HEADER = 1 << 20;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private Safetensors() {}

  /**
   * @throws UnreadableFileException naming the array that does not match its header
   */
  public static StateDict read(byte[] file) {
    var in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    long headerSize = file.length < Long.BYTES ? -1 : in.getLong();
    if (headerSize < 2 || headerSize > Math.min(in.remaining(), MAX_HEADER)) {
      throw new UnreadableFileException(
          "not a safetensors file: its header is longer than the file");
    }
    ByteBuffer values =
        in.slice(Long.BYTES + (int) headerSize, in.remaining() - (int) headerSize)
            .order(ByteOrder.LITTLE_ENDIAN);
    var tensors = new LinkedHashMap<String, Tensor>();
    for (var entry : header(file, (int) headerSize).properties()) {
      if (!entry.getKey().equals("__metadata__")) {
        tensors.put(entry.getKey(), tensor(entry.getKey(), entry.getValue(), values));
      }
    }
    return new StateDict(tensors);
  }

  private static JsonNode header(byte[] file, int size) {
    try {
      JsonNode header = JSON.readTree(new String(file, Long.BYTES, size, StandardCharsets.UTF_8));
      if (header.isObject()) {
        return header;
      }
    } catch (JacksonException e) {
      throw new UnreadableFileException("not a safetensors file: its header is not JSON", e);
    }
    throw new UnreadableFileException("not a safetensors file: its header is not a JSON object");
  }

  private static Tensor tensor(String name, JsonNode entry, ByteBuffer values) {
    String dtype = entry.path("dtype").asString("");
    int width =
        switch (dtype) {
          case "F16", "BF16" -> 2;
          case "F32" -> 4;
          case "F64" -> 8;
          default ->
              throw new UnreadableFileException(
                  "'"
                      + name
                      + "' has dtype "
                      + entry.path("dtype")
                      + "; F32, F64, F16 and BF16 can be read");
        };
    long[] shape = longs(entry.path("shape"));
    long[] offsets = longs(entry.path("data_offsets"));
    if (offsets.length != 2
        || offsets[0] < 0
        || offsets[0] > offsets[1]
        || offsets[1] > values.capacity()) {
      throw new UnreadableFileException(
          "'"
              + name
              + "' has data_offsets "
              + entry.path("data_offsets")
              + " in "
              + values.capacity()
              + " bytes");
    }
    long bytes = offsets[1] - offsets[0];
    if (LongStream.of(shape).anyMatch(d -> d < 0 || d > Integer.MAX_VALUE)
        || bytes != width * size(shape, bytes)) {
      throw new UnreadableFileException(
          "'"
              + name
              + "' has shape "
              + Arrays.toString(shape)
              + " of "
              + dtype
              + " in "
              + bytes
              + " bytes");
    }
    int from = (int) offsets[0];
    var data = new float[(int) (bytes / width)];
    for (int i = 0; i < data.length; i++) {
      data[i] =
          switch (dtype) {
            case "F16" -> Float.float16ToFloat(values.getShort(from + 2 * i));
            // The upper half of a float32.
            case "BF16" -> Float.intBitsToFloat(values.getShort(from + 2 * i) << 16);
            case "F64" -> (float) values.getDouble(from + 8 * i);
            default -> values.getFloat(from + 4 * i);
          };
    }
    return new Tensor(LongStream.of(shape).mapToInt(d -> (int) d).toArray(), data);
  }

  /** Number of elements; any number above {@code most} when it exceeds {@code most}. */
  private static long size(long[] shape, long most) {
    long size = 1;
    for (long d : shape) {
      size = size > most ? size : size * d;
    }
    return size;
  }

  private static long[] longs(JsonNode array) {
    return array.values().stream()
        .mapToLong(d -> d.isIntegralNumber() && d.canConvertToLong() ? d.asLong() : -1)
        .toArray();
  }

  public static byte[] write(StateDict weights) {
    var header = JSON.createObjectNode();
    header.putObject("__metadata__").put("format", "pt");
    long offset = 0;
    for (var entry : weights.tensors().entrySet()) {
      Tensor tensor = entry.getValue();
      long end = offset + (long) Float.BYTES * tensor.data().length;
      var node = header.putObject(entry.getKey()).put("dtype", "F32");
      Arrays.stream(tensor.shape()).forEach(node.putArray("shape")::add);
      node.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    String json = JSON.writeValueAsString(header);
    // The format requires the values to start at a multiple of 8.
    byte[] head =
        (json + " ".repeat(-json.getBytes(StandardCharsets.UTF_8).length & 7))
            .getBytes(StandardCharsets.UTF_8);
    var out =
        ByteBuffer.allocate(Math.toIntExact(Long.BYTES + head.length + offset))
            .order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(head.length).put(head);
    for (Tensor tensor : weights.tensors().values()) {
      out.asFloatBuffer().put(tensor.data());
      out.position(out.position() + Float.BYTES * tensor.data().length);
    }
    return out.array();
  }
}
