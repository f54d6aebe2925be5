package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.Yaml;

/** Checks manifests of operators against the fields in {@code custom-resources.yaml}. */
final class CustomResources {

  private static final Map<String, Class<?>> SCALARS =
      Map.of("string", String.class, "integer", Integer.class, "boolean", Boolean.class);

  private final Map<String, Map<String, Object>> kinds;

  CustomResources() throws IOException {
    kinds = new Yaml().load(Files.readString(Path.of("src/test/resources/custom-resources.yaml")));
  }

  boolean contains(String kind) {
    return kinds.containsKey(kind);
  }

  /** Fails on a field that the kind does not have, and on a value of another type. */
  void validate(Map<String, Object> manifest) throws ReflectiveOperationException {
    var kind = kinds.get((String) manifest.get("kind"));
    assertThat(manifest.keySet()).isSubsetOf("apiVersion", "kind", "metadata", "spec");
    assertThat(manifest.get("apiVersion")).isEqualTo(kind.get("apiVersion"));
    check(manifest.get("metadata"), "V1ObjectMeta", "metadata");
    check(manifest.get("spec"), kind.get("spec"), manifest.get("kind") + ".spec");
  }

  private static void check(Object value, Object type, String path)
      throws ReflectiveOperationException {
    switch (type) {
      case Map<?, ?> fields -> {
        assertThat(value).as(path).isInstanceOf(Map.class);
        for (var field : ((Map<?, ?>) value).entrySet()) {
          var known = fields.containsKey("*") ? fields.get("*") : fields.get(field.getKey());
          assertThat(known).as("%s has no field %s", path, field.getKey()).isNotNull();
          check(field.getValue(), known, path + "." + field.getKey());
        }
      }
      case List<?> element -> {
        assertThat(value).as(path).isInstanceOf(List.class);
        for (var each : (List<?>) value) {
          check(each, element.getFirst(), path + "[]");
        }
      }
      case String name when name.startsWith("V1") ->
          Class.forName("io.kubernetes.client.openapi.models." + name)
              .getMethod("validateJsonElement", JsonElement.class)
              .invoke(null, new Gson().toJsonTree(value));
      case String name when SCALARS.containsKey(name) ->
          assertThat(value).as(path).isInstanceOf(SCALARS.get(name));
      case String words -> assertThat((String) value).as(path).isIn((Object[]) words.split("\\|"));
      default -> throw new IllegalArgumentException(path + ": " + type);
    }
  }
}
