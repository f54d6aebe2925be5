package dev.spikewise.openapi;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.databind.JavaType;
import com.github.therapi.runtimejavadoc.ClassJavadoc;
import com.github.therapi.runtimejavadoc.Comment;
import com.github.therapi.runtimejavadoc.CommentVisitor;
import com.github.therapi.runtimejavadoc.Link;
import com.github.therapi.runtimejavadoc.ParamJavadoc;
import com.github.therapi.runtimejavadoc.RuntimeJavadoc;
import com.github.therapi.runtimejavadoc.Value;
import dev.spikewise.spec.Constant;
import dev.spikewise.spec.Node;
import dev.spikewise.spec.Padding1;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.layer.LayerSpec;
import dev.spikewise.spec.layer.SynapticSpec;
import dev.spikewise.web.MergePatch;
import dev.spikewise.web.TreeCheck;
import io.swagger.v3.core.converter.AnnotatedType;
import io.swagger.v3.core.converter.ModelConverter;
import io.swagger.v3.core.converter.ModelConverterContext;
import io.swagger.v3.oas.models.media.ArraySchema;
import io.swagger.v3.oas.models.media.BooleanSchema;
import io.swagger.v3.oas.models.media.ComposedSchema;
import io.swagger.v3.oas.models.media.DateTimeSchema;
import io.swagger.v3.oas.models.media.Discriminator;
import io.swagger.v3.oas.models.media.IntegerSchema;
import io.swagger.v3.oas.models.media.MapSchema;
import io.swagger.v3.oas.models.media.NumberSchema;
import io.swagger.v3.oas.models.media.ObjectSchema;
import io.swagger.v3.oas.models.media.Schema;
import io.swagger.v3.oas.models.media.StringSchema;
import io.swagger.v3.oas.models.media.UUIDSchema;
import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;

/**
 * Generates schemas of the API's records as they appear in JSON: names in snake_case, enum
 * constants as words, variants distinguished by {@code type}, and descriptions from Javadoc.
 * springdoc's own converters do not support Jackson 3's naming and confuse classes with the same
 * simple name.
 */
@Component
class SchemaConverter implements ModelConverter {

  private static final String OURS = "dev.spikewise.";
  private static final String REF = "#/components/schemas/";
  private static final String NEURON_CONSTANT = "NeuronConstant";

  private final JsonMapper json;

  SchemaConverter(JsonMapper json) {
    this.json = json;
  }

  @Override
  public @Nullable Schema<?> resolve(
      AnnotatedType type, ModelConverterContext context, Iterator<ModelConverter> chain) {
    if (isOurs(type.getType())) {
      return schema(type.getType(), context);
    }
    return chain.hasNext() ? chain.next().resolve(type, context, chain) : null;
  }

  private static boolean isOurs(Type type) {
    return raw(type).getName().startsWith(OURS);
  }

  private static Class<?> raw(Type type) {
    return switch (type) {
      case Class<?> c -> c;
      case JavaType springdocs -> springdocs.getRawClass();
      case ParameterizedType p -> (Class<?>) p.getRawType();
      default -> Object.class;
    };
  }

  private Schema<?> schema(Type type, ModelConverterContext context) {
    var raw = raw(type);
    if (raw == MergePatch.class) {
      return schema(argument(type, 0), context);
    }
    if (raw == Node.class) {
      return schema(LayerSpec.class, context);
    }
    if (raw == Size2.class) {
      return new ComposedSchema()
          .addOneOfItem(new IntegerSchema())
          .addOneOfItem(new ArraySchema().items(new IntegerSchema()).minItems(2).maxItems(2))
          .description("A number for both height and width, or [height, width].");
    }
    if (raw == Constant.class) {
      // A reference, so that generated clients have a single class for it.
      context.defineModel(
          NEURON_CONSTANT,
          new ComposedSchema()
              .addOneOfItem(new NumberSchema().format("double"))
              .addOneOfItem(
                  new ArraySchema().items(new NumberSchema().format("double")).minItems(1))
              .description(comment(raw)));
      return new Schema<>().$ref(REF + NEURON_CONSTANT);
    }
    if (raw == Padding1.class) {
      return new ComposedSchema()
          .addOneOfItem(new IntegerSchema())
          .addOneOfItem(new StringSchema().addEnumItem("same").addEnumItem("valid"));
    }
    if (raw == SpikeFn.class) {
      return wordOr(List.of("multi", "single"), "max").description(comment(raw));
    }
    if (raw == ResetFn.class) {
      return wordOr(List.of("subtract", "reset"), "subtract", "reset").description(comment(raw));
    }
    if (raw.isEnum()) {
      var schema = new StringSchema();
      words(raw).forEach(schema::addEnumItem);
      return schema.description(enumComment(raw));
    }
    if (Collection.class.isAssignableFrom(raw)) {
      return new ArraySchema().items(schema(argument(type, 0), context));
    }
    if (Map.class.isAssignableFrom(raw)) {
      return new MapSchema().additionalProperties(schema(argument(type, 1), context));
    }
    if (isOurs(type) && (raw.isRecord() || raw.isAnnotationPresent(JsonSubTypes.class))) {
      define(type, context);
      return new Schema<>().$ref(REF + name(type));
    }
    return leaf(raw);
  }

  private static Type argument(Type type, int index) {
    return switch (type) {
      case ParameterizedType p -> p.getActualTypeArguments()[index];
      case JavaType springdocs when springdocs.containedType(index) != null ->
          springdocs.containedType(index);
      default -> Object.class;
    };
  }

  private static Schema<?> leaf(Class<?> type) {
    if (type == int.class || type == Integer.class) {
      return new IntegerSchema();
    }
    if (type == long.class || type == Long.class) {
      return new IntegerSchema().format("int64");
    }
    if (type == double.class || type == Double.class) {
      return new NumberSchema().format("double");
    }
    if (type == float.class || type == Float.class) {
      return new NumberSchema().format("float");
    }
    if (type == boolean.class || type == Boolean.class) {
      return new BooleanSchema();
    }
    if (type == UUID.class) {
      return new UUIDSchema();
    }
    if (type == Instant.class) {
      return new DateTimeSchema();
    }
    if (type.isArray()) {
      return new ArraySchema().items(leaf(type.componentType()));
    }
    return CharSequence.class.isAssignableFrom(type) || type == URI.class
        ? new StringSchema()
        : new Schema<>();
  }

  private static Schema<?> wordOr(List<String> words, String... options) {
    var word = new StringSchema();
    words.forEach(word::addEnumItem);
    var object = new ObjectSchema();
    object.maxProperties(1).minProperties(1);
    Stream.of(options)
        .forEach(option -> object.addProperty(option, new NumberSchema().format("double")));
    return new ComposedSchema().addOneOfItem(word).addOneOfItem(object);
  }

  private List<String> words(Class<?> type) {
    return Arrays.stream(type.getEnumConstants())
        .map(constant -> json.valueToTree(constant).asString())
        .toList();
  }

  private void define(Type type, ModelConverterContext context) {
    var name = name(type);
    if (context.getDefinedModels().containsKey(name)) {
      return;
    }
    var raw = raw(type);
    var subTypes = raw.getAnnotation(JsonSubTypes.class);
    if (subTypes == null) {
      var schema = new ObjectSchema();
      // Registered before its properties are resolved, because they may refer to this type.
      context.defineModel(name, schema);
      schema.description(comment(raw));
      fill(schema, type, context);
    } else {
      var schema = new ComposedSchema();
      context.defineModel(name, schema);
      schema.description(comment(raw));
      var discriminator = new Discriminator().propertyName("type");
      for (var subType : subTypes.value()) {
        String variant = name(subType.value());
        schema.addOneOfItem(new Schema<>().$ref(REF + variant));
        var words =
            Stream.concat(Stream.of(subType.name()), Arrays.stream(subType.names()))
                .filter(word -> !word.isEmpty())
                .toList();
        words.forEach(word -> discriminator.mapping(word, REF + variant));
        define(subType.value(), context);
        var typeWord = new StringSchema();
        words.forEach(typeWord::addEnumItem);
        typeWord.description("Which of the variants this is.");
        var described = Objects.requireNonNull(context.getDefinedModels().get(variant));
        described.addProperty("type", typeWord);
        if (raw == LayerSpec.class) {
          fill(described, Node.class, context);
        }
        described.addRequiredItem("type");
      }
      schema.discriminator(discriminator);
    }
  }

  /** Adds a property for each component, including those of unwrapped records. */
  private void fill(Schema<?> schema, Type type, ModelConverterContext context) {
    var raw = raw(type);
    // Properties of request records have defaults or are checked, so they are optional; responses
    // are complete.
    boolean answer =
        Stream.of(raw.getMethods(), raw.getDeclaredMethods())
            .flatMap(Arrays::stream)
            .noneMatch(method -> method.getName().equals("check"));
    for (RecordComponent component : raw.getRecordComponents()) {
      if (component.getAccessor().isAnnotationPresent(JsonUnwrapped.class)
          || isUnwrapped(raw, component)) {
        if (component.getType().isAnnotationPresent(JsonSubTypes.class)) {
          continue; // The variants are described one by one.
        }
        fill(schema, component.getGenericType(), context);
        continue;
      }
      if (component.getAccessor().isAnnotationPresent(JsonIgnore.class)) {
        continue;
      }
      var name = TreeCheck.nameOf(component, json);
      Type its = component.getGenericType();
      if (its instanceof TypeVariable<?>) {
        its = argument(type, 0);
      } else if (its instanceof ParameterizedType p
          && p.getActualTypeArguments()[0] instanceof TypeVariable<?>) {
        var items = new ArraySchema();
        items.items(schema(argument(type, 0), context));
        items.description(comment(raw, component));
        schema.addProperty(name, items);
        continue;
      }
      boolean nullable =
          component.getAnnotatedType().isAnnotationPresent(Nullable.class)
              || component
                  .getAccessor()
                  .getAnnotatedReturnType()
                  .isAnnotationPresent(Nullable.class);
      Schema<?> property = schema(its, context);
      if (its == Size2.class && raw == SynapticSpec.Conv2d.class && name.equals("padding")) {
        property.addOneOfItem(new StringSchema().addEnumItem("same").addEnumItem("valid"));
      }
      var description = comment(raw, component);
      if (property.get$ref() != null && (description != null || nullable)) {
        // Keywords next to a $ref are ignored by many tools.
        property = new Schema<>().allOf(new ArrayList<>(List.of(property)));
      }
      if (description != null) {
        property.description(
            property.getDescription() == null
                ? description
                : sentence(description) + " " + property.getDescription());
      }
      if (nullable) {
        property.nullable(true);
      }
      if (nullableValues(component)
          && property.getAdditionalProperties() instanceof Schema<?> value) {
        value.nullable(true);
      }
      schema.addProperty(name, property);
      if (answer && !nullable) {
        schema.addRequiredItem(name);
      }
    }
  }

  private static boolean isUnwrapped(Class<?> type, RecordComponent component) {
    try {
      return type.getDeclaredField(component.getName()).isAnnotationPresent(JsonUnwrapped.class);
    } catch (NoSuchFieldException e) {
      return false;
    }
  }

  private static boolean nullableValues(RecordComponent component) {
    return component.getAnnotatedType() instanceof AnnotatedParameterizedType type
        && Arrays.stream(type.getAnnotatedActualTypeArguments())
            .anyMatch(argument -> argument.isAnnotationPresent(Nullable.class));
  }

  /**
   * Unique schema name of a class; a nested class gets the subject of its outer class as a prefix.
   */
  private static String name(Type type) {
    var raw = raw(type);
    var outer = raw.getDeclaringClass();
    String name = raw.getSimpleName();
    if (outer != null) {
      Class<?> family = family(outer);
      String about = family.getSimpleName().replaceAll("Controller$|Spec$", "");
      boolean variant =
          family.isAnnotationPresent(JsonSubTypes.class) && family.isAssignableFrom(raw);
      about = variant ? about.replaceAll("^(Loss)Term$|^Lr(Scheduler)$", "$1$2") : about;
      name = !variant ? about + name : name.endsWith(about) ? name : name + about;
    }
    if (raw.getTypeParameters().length > 0) {
      name = name(argument(type, 0)) + name;
    }
    return name;
  }

  /** The interface that lists all variants; {@code outer} may be one of its sub-interfaces. */
  private static Class<?> family(Class<?> outer) {
    return Arrays.stream(outer.getInterfaces())
        .map(SchemaConverter::family)
        .filter(type -> type.isAnnotationPresent(JsonSubTypes.class))
        .findFirst()
        .orElse(outer);
  }

  private static @Nullable String comment(Class<?> type) {
    return text(RuntimeJavadoc.getJavadoc(type).getComment());
  }

  private @Nullable String enumComment(Class<?> type) {
    var text = new StringBuilder(Objects.requireNonNullElse(comment(type), ""));
    ClassJavadoc javadoc = RuntimeJavadoc.getJavadoc(type);
    for (Object constant : type.getEnumConstants()) {
      javadoc.getEnumConstants().stream()
          .filter(field -> field.getName().equals(((Enum<?>) constant).name()))
          .findFirst()
          .map(field -> text(field.getComment()))
          .ifPresent(
              said ->
                  text.append(text.isEmpty() ? "" : " ")
                      .append("`" + json.valueToTree(constant).asString() + "`: ")
                      .append(said));
    }
    return text.isEmpty() ? null : text.toString();
  }

  /** Javadoc of a record component, or of the interface method that the component implements. */
  static @Nullable String comment(Class<?> type, RecordComponent component) {
    Optional<String> own =
        RuntimeJavadoc.getJavadoc(type).getRecordComponents().stream()
            .filter(param -> param.getName().equals(component.getName()))
            .findFirst()
            .map(ParamJavadoc::getComment)
            .map(SchemaConverter::text);
    if (own.isPresent()) {
      return own.get();
    }
    var interfaces = new ArrayDeque<>(List.of(type.getInterfaces()));
    while (!interfaces.isEmpty()) {
      Class<?> next = interfaces.removeFirst();
      interfaces.addAll(List.of(next.getInterfaces()));
      for (Method method : next.getDeclaredMethods()) {
        if (method.getName().equals(component.getName()) && method.getParameterCount() == 0) {
          var said = text(RuntimeJavadoc.getJavadoc(method).getComment());
          if (said != null) {
            return said;
          }
        }
      }
    }
    return null;
  }

  private static String sentence(String description) {
    return description.endsWith(".") ? description : description + ".";
  }

  private static @Nullable String text(@Nullable Comment comment) {
    if (comment == null) {
      return null;
    }
    var markdown = new Markdown();
    comment.visit(markdown);
    String text =
        markdown
            .text()
            .replaceAll("</?code>", "`")
            .replaceAll("<[^>]*>", "")
            .replaceAll("\\s+", " ")
            .strip();
    if (text.isEmpty()) {
      return null;
    }
    return Character.toUpperCase(text.charAt(0)) + text.substring(1);
  }

  /** Renders the inline tags of a comment as Markdown code spans, without HTML entities. */
  private static final class Markdown implements CommentVisitor {

    private final StringBuilder text = new StringBuilder();

    String text() {
      return text.toString();
    }

    @Override
    public void commentText(String value) {
      text.append(value);
    }

    @Override
    public void inlineLink(Link link) {
      text.append('`').append(link.getLabel().replaceAll("^#", "")).append('`');
    }

    @Override
    public void inlineTag(String name, String value) {
      text.append('`').append(value).append('`');
    }

    @Override
    public void inlineValue(Value value) {
      text.append('`').append(value.getReferencedMemberName()).append('`');
    }
  }
}
