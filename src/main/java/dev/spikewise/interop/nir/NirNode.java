package dev.spikewise.interop.nir;

import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.snn.tensor.Tensor;
import dev.spikewise.spec.Size2;
import java.util.Map;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One node of a NIR graph.
 *
 * @param path path in the file, such as "/node/nodes/conv1"
 * @param fields numbers by name; int64 fields are small enough to be exact in a float
 * @param texts fields that are text, by name
 * @param metadata values for which NIR has no field
 * @param wayBack the Affine or Linear node that leads from this one back to it; null for none
 */
record NirNode(
    String path,
    String type,
    Map<String, Tensor> fields,
    Map<String, String> texts,
    Map<String, String> metadata,
    @Nullable NirNode wayBack) {

  NirNode(String path, String type, Map<String, Tensor> fields, Map<String, String> metadata) {
    this(path, type, fields, Map.of(), metadata, null);
  }

  NirNode withWayBack(NirNode node) {
    return new NirNode(path, type, fields, texts, metadata, node);
  }

  NirNode withMetadata(Map<String, String> other) {
    return new NirNode(path, type, fields, texts, other, wayBack);
  }

  Tensor tensor(String field) {
    Tensor tensor = fields.get(field);
    if (tensor == null) {
      throw invalid(field, "is missing in a " + type + " node");
    }
    return tensor;
  }

  /** The value shared by all elements of a field. */
  float uniform(String field) {
    float value = uniformOrInfinite(field);
    if (!Float.isFinite(value)) {
      throw invalid(field, "must be a finite number");
    }
    return value;
  }

  float uniformOrInfinite(String field) {
    float[] data = tensor(field).data();
    for (float value : data) {
      if (value != data[0]) {
        throw invalid(field, "differs between neurons; a layer has one value here");
      }
    }
    return data.length == 0 ? Float.NaN : data[0];
  }

  boolean isUniform(String field) {
    float[] data = tensor(field).data();
    for (float value : data) {
      if (value != data[0]) {
        return false;
      }
    }
    return data.length > 0;
  }

  float uniform(String field, float otherwise) {
    return fields.containsKey(field) ? uniform(field) : otherwise;
  }

  int integer(String field, int otherwise) {
    float value = uniform(field, otherwise);
    if (value != Math.rint(value) || Math.abs(value) > 1 << 24) {
      throw invalid(field, "must be a whole number but was " + value);
    }
    return (int) value;
  }

  /** One number for height and width, or a pair of them. */
  Size2 size(String field) {
    Tensor pair = tensor(field);
    if (pair.data().length != 1 && pair.data().length != 2) {
      throw invalid(field, "must be one number or two");
    }
    float h = pair.data()[0];
    float w = pair.data()[pair.data().length - 1];
    if (h != Math.rint(h) || w != Math.rint(w) || Math.max(Math.abs(h), Math.abs(w)) > 1 << 24) {
      throw invalid(field, "must be whole numbers but was " + h + ", " + w);
    }
    return new Size2((int) h, (int) w);
  }

  /**
   * The padding of a convolution along one axis, which may be a word of PyTorch's.
   *
   * @param number what it is where the field is a number
   */
  int padding(int kernel, int stride, int dilation, IntSupplier number) {
    String word = texts.get("padding");
    if (word == null) {
      return number.getAsInt();
    }
    return switch (word) {
      case "valid" -> 0;
      case "same" -> {
        long both = (long) dilation * (kernel - 1);
        if (stride != 1 || both % 2 != 0) {
          throw invalid(
              "padding",
              "`same` needs stride 1 and equal padding on both sides, but kernel size is "
                  + kernel
                  + ", stride "
                  + stride
                  + " and dilation "
                  + dilation);
        }
        yield (int) Math.min(both / 2, 1 << 24);
      }
      default -> throw invalid("padding", "must be numbers, `same` or `valid` but was " + word);
    };
  }

  InvalidSpecException invalid(@Nullable String field, String detail) {
    return new InvalidSpecException(field == null ? path : path + "/" + field, detail);
  }
}
