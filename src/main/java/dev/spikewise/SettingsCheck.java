package dev.spikewise;

import dev.spikewise.problem.Spelling;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName.Form;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.context.properties.source.IterableConfigurationPropertySource;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.origin.OriginLookup;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.ResolvableType;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;
import org.springframework.stereotype.Component;

/**
 * Aborts the start when a {@code spikewise.*} setting is unknown, because a misspelt one would
 * silently leave the default in effect. The known settings are the components of the records
 * annotated with {@link ConfigurationProperties}.
 *
 * <p>Kubernetes and other programs set environment variables that begin with {@code SPIKEWISE_}
 * too, such as {@code SPIKEWISE_SERVICE_HOST}. A variable is refused only where it begins with the
 * name of a group of settings, or resembles a setting.
 */
@Component
final class SettingsCheck implements BeanFactoryPostProcessor {

  private static final String ROOT = "spikewise";

  /** Settings without a record: a placeholder in application.yaml, and one of the engine. */
  private static final List<String> WITHOUT_RECORD = List.of("data-dir", "kernels");

  /** Variables that the commands read themselves. */
  private static final Set<String> OF_COMMANDS = Set.of("SPIKEWISE_SERVER", "SPIKEWISE_API_KEY");

  /** Variables that Kubernetes sets for each Service of a namespace. */
  private static final Pattern OF_A_SERVICE =
      Pattern.compile(".*_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\\d+_(TCP|UDP|SCTP)(_.+)?)?)");

  /**
   * A setting, or a group of them.
   *
   * @param parts settings of a group by name; empty for a setting
   * @param any setting at every index or key of a list or map; null for others
   */
  private record Node(Map<String, Node> parts, @Nullable Node any) {

    static Node leaf() {
      return new Node(Map.of(), null);
    }

    static Node group() {
      return new Node(new LinkedHashMap<>(), null);
    }

    static Node of(ResolvableType type) {
      var raw = type.resolve(Object.class);
      if (Map.class.isAssignableFrom(raw)) {
        return new Node(Map.of(), of(type.getGeneric(1)));
      }
      if (List.class.isAssignableFrom(raw)) {
        return new Node(Map.of(), of(type.getGeneric(0)));
      }
      if (!raw.isRecord()) {
        return leaf();
      }
      var group = group();
      for (var component : raw.getRecordComponents()) {
        Type of = component.getGenericType();
        group.parts.put(dashed(component.getName()), of(ResolvableType.forType(of)));
      }
      return group;
    }

    private static String dashed(String name) {
      return name.replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
    }

    boolean isLeaf() {
      return parts.isEmpty() && any == null;
    }

    /** Finds a part by name according to Spring's relaxed binding. */
    Optional<Map.Entry<String, Node>> part(String name) {
      return parts.entrySet().stream()
          .filter(part -> part.getKey().replace("-", "").equals(name))
          .findFirst();
    }

    /** The names of all settings below this one, each as a pattern of an environment variable. */
    Stream<String> variables(String before) {
      if (any != null) {
        return Stream.concat(
            any.isLeaf() ? Stream.of(before) : Stream.empty(), any.variables(before + ".+"));
      }
      return isLeaf()
          ? Stream.of(before)
          : parts.entrySet().stream()
              .flatMap(
                  part ->
                      part.getValue()
                          .variables(
                              before + part.getKey().replace("-", "").toUpperCase(Locale.ROOT)));
    }
  }

  @Override
  public void postProcessBeanFactory(ConfigurableListableBeanFactory beans) {
    var environment =
        beans.getBean(
            ConfigurableApplicationContext.ENVIRONMENT_BEAN_NAME, ConfigurableEnvironment.class);
    var known = known(beans);
    var unknown = new ArrayList<String>();
    for (ConfigurationPropertySource source : ConfigurationPropertySources.get(environment)) {
      if (source.getUnderlyingSource() instanceof SystemEnvironmentPropertySource variables) {
        Arrays.stream(variables.getPropertyNames())
            .flatMap(variable -> mistakeOfVariable(variable, known).stream())
            .forEach(unknown::add);
      } else if (source instanceof IterableConfigurationPropertySource names) {
        names.stream()
            .filter(name -> name.getNumberOfElements() > 1)
            .filter(name -> name.getElement(0, Form.UNIFORM).equals(ROOT))
            .flatMap(name -> mistake(name, source, known).stream())
            .forEach(unknown::add);
      }
    }
    if (!unknown.isEmpty()) {
      throw new UnknownSettingsException(unknown.stream().distinct().toList());
    }
  }

  private static Node known(ConfigurableListableBeanFactory beans) {
    var root = Node.group();
    WITHOUT_RECORD.forEach(name -> root.parts.put(name, Node.leaf()));
    for (String bean : beans.getBeanNamesForAnnotation(ConfigurationProperties.class)) {
      var prefix =
          Objects.requireNonNull(beans.findAnnotationOnBean(bean, ConfigurationProperties.class))
              .value();
      var type = Objects.requireNonNull(beans.getType(bean));
      if (prefix.equals(ROOT)) {
        root.parts.putAll(Node.of(ResolvableType.forClass(type)).parts);
      } else if (prefix.startsWith(ROOT + ".")) {
        root.parts.put(prefix.substring(ROOT.length() + 1), Node.of(ResolvableType.forClass(type)));
      }
    }
    return root;
  }

  private static Optional<String> mistake(
      ConfigurationPropertyName name, ConfigurationPropertySource source, Node known) {
    var node = known;
    var path = new StringBuilder(ROOT);
    for (int i = 1; i < name.getNumberOfElements(); i++) {
      var element = name.getElement(i, Form.UNIFORM);
      if (node.any != null) {
        // A key of a map of plain values may hold dots.
        if (node.any.isLeaf()) {
          return Optional.empty();
        }
        // Spring writes an index, and a key with dots, in brackets.
        path.replace(0, path.length(), name.chop(i + 1).toString());
        node = node.any;
        continue;
      }
      var part = node.part(element);
      if (part.isEmpty()) {
        return Optional.of(
            describe(name.toString(), origin(name, source), suggestion(node, path, element)));
      }
      path.append(".").append(part.get().getKey());
      node = part.get().getValue();
    }
    return node.isLeaf() || node.any != null
        ? Optional.empty()
        : Optional.of(
            describe(
                name.toString(),
                origin(name, source),
                "It is a group of settings and takes no value itself."));
  }

  private static String suggestion(Node node, CharSequence path, String element) {
    if (node.isLeaf()) {
      return path + " has no sub-settings.";
    }
    return Spelling.nearest(element, node.parts.keySet())
        .map(near -> "Did you mean " + path + "." + near + "?")
        .orElseGet(() -> path + " has " + String.join(", ", node.parts.keySet()) + ".");
  }

  private static String origin(ConfigurationPropertyName name, ConfigurationPropertySource source) {
    var property = source.getConfigurationProperty(name);
    if (property != null && property.getOrigin() != null) {
      return property.getOrigin().toString();
    }
    return source.getUnderlyingSource() instanceof org.springframework.core.env.PropertySource<?> s
            && !(s instanceof OriginLookup<?>)
        ? s.getName()
        : String.valueOf(source.getUnderlyingSource());
  }

  private static Optional<String> mistakeOfVariable(String variable, Node known) {
    var prefix = ROOT.toUpperCase(Locale.ROOT) + "_";
    if (!variable.startsWith(prefix)
        || OF_COMMANDS.contains(variable)
        || OF_A_SERVICE.matcher(variable).matches()) {
      return Optional.empty();
    }
    var given = variable.substring(prefix.length()).replace("_", "");
    var settings = known.variables("").toList();
    if (settings.stream().anyMatch(given::matches)) {
      return Optional.empty();
    }
    var near = Spelling.nearest(given, settings);
    boolean ofGroup =
        known.parts.entrySet().stream()
            .filter(part -> !part.getValue().isLeaf())
            .map(part -> part.getKey().replace("-", "").toUpperCase(Locale.ROOT))
            .anyMatch(group -> variable.startsWith(prefix + group + "_"));
    if (near.isEmpty() && !ofGroup) {
      return Optional.empty();
    }
    return Optional.of(
        describe(
            variable,
            "environment",
            near.filter(name -> name.matches("[A-Z0-9]+"))
                .flatMap(name -> written(known, name))
                .map(name -> "Did you mean " + name + "?")
                .orElse("")));
  }

  /** Finds a setting by its environment variable, which has underscores in place of dots. */
  private static Optional<String> written(Node known, String flat) {
    return known.parts.entrySet().stream()
        .flatMap(
            group ->
                group.getValue().isLeaf()
                    ? Stream.of(group.getKey())
                    : group.getValue().parts.keySet().stream()
                        .map(name -> group.getKey() + "." + name))
        .map(name -> name.replace("-", "").toUpperCase(Locale.ROOT))
        .filter(name -> name.replace(".", "").equals(flat))
        .map(name -> ROOT.toUpperCase(Locale.ROOT) + "_" + name.replace('.', '_'))
        .findFirst();
  }

  private static String describe(String name, String origin, String help) {
    return (name + " (" + origin + ") is unknown. " + help).strip();
  }

  /** The configuration contains unknown {@code spikewise.*} settings. */
  static final class UnknownSettingsException extends RuntimeException {
    UnknownSettingsException(List<String> unknown) {
      super(String.join("\n", unknown));
    }
  }

  /** Reports unknown settings in place of a stack trace. */
  static final class Analyzer extends AbstractFailureAnalyzer<UnknownSettingsException> {
    @Override
    protected FailureAnalysis analyze(Throwable failure, UnknownSettingsException cause) {
      return new FailureAnalysis(
          "Spikewise does not know these settings:\n\n" + cause.getMessage(),
          "Correct or remove them. The documentation lists every setting under reference/settings.",
          failure);
    }
  }
}
