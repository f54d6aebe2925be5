package dev.spikewise.web;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.problem.Spelling;
import dev.spikewise.spec.Page;
import java.lang.reflect.RecordComponent;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;
import org.springframework.http.HttpEntity;
import org.springframework.http.MediaType;
import org.springframework.http.converter.HttpMessageConverter;
import org.springframework.http.server.ServerHttpRequest;
import org.springframework.http.server.ServerHttpResponse;
import org.springframework.http.server.ServletServerHttpRequest;
import org.springframework.web.bind.annotation.ControllerAdvice;
import org.springframework.web.servlet.mvc.method.annotation.ResponseBodyAdvice;
import tools.jackson.databind.JavaType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Reduces a response to the fields named by the request. */
@ControllerAdvice
class FieldSelection implements ResponseBodyAdvice<Object> {

  /** Number of fields that a request may name. */
  private static final int MAX_FIELDS = 64;

  private final JsonMapper json;

  FieldSelection(JsonMapper json) {
    this.json = json;
  }

  /** Selected fields of an object; all fields when empty. */
  private record Selection(Map<String, Selection> fields) {
    Selection() {
      this(new LinkedHashMap<>());
    }
  }

  @Override
  public boolean supports(
      MethodParameter returned, Class<? extends HttpMessageConverter<?>> converter) {
    return returned.hasMethodAnnotation(SelectableFields.class)
        && BodyConverter.class.isAssignableFrom(converter);
  }

  @Override
  public @Nullable Object beforeBodyWrite(
      @Nullable Object body,
      MethodParameter returned,
      MediaType type,
      Class<? extends HttpMessageConverter<?>> converter,
      ServerHttpRequest request,
      ServerHttpResponse response) {
    if (body == null || !(request instanceof ServletServerHttpRequest servlet)) {
      return body;
    }
    var wanted = servlet.getServletRequest().getParameter(SelectableFields.PARAMETER);
    if (wanted == null) {
      return body;
    }
    var declared = ResolvableType.forMethodParameter(returned);
    if (HttpEntity.class.isAssignableFrom(declared.toClass())) {
      declared = declared.getGeneric();
    }
    boolean isList = declared.toClass() == Page.class;
    var entry = isList ? declared.getGeneric() : declared;
    var selection = parse(wanted, json.constructType(entry.getType()));
    var tree = json.<JsonNode>valueToTree(body);
    if (isList) {
      tree.get("data").forEach(one -> narrow(one, selection));
    } else {
      narrow(tree, selection);
    }
    return tree;
  }

  private Selection parse(String wanted, JavaType type) {
    var paths = wanted.split(",");
    if (paths.length > MAX_FIELDS) {
      throw new ProblemException(
          Code.INVALID_PARAMETER,
          "fields must name at most %d fields but names %d".formatted(MAX_FIELDS, paths.length));
    }
    var all = new Selection();
    for (var path : paths) {
      var selection = all;
      JavaType at = type;
      for (var name : path.strip().split("\\.", -1)) {
        at = at == null ? null : field(at, name, path.strip());
        selection = selection.fields().computeIfAbsent(name, _ -> new Selection());
      }
      // A field that is selected as a whole stays whole, even when one of its parts is named as
      // well.
      selection.fields().clear();
    }
    return all;
  }

  /** Type of the field; null when it may have fields of any name. */
  private @Nullable JavaType field(JavaType type, String name, String path) {
    var of = type;
    while (of.isCollectionLikeType() || of.isArrayType()) {
      of = of.getContentType();
    }
    if (of.isMapLikeType()) {
      return of.getContentType();
    }
    if (!of.getRawClass().isRecord()) {
      if (of.isPrimitive() || of.getRawClass().getName().startsWith("java.")) {
        throw unknown(path, Set.of());
      }
      return null;
    }
    var known = new LinkedHashMap<String, JavaType>();
    collect(of, known);
    var found = known.get(name);
    if (found == null) {
      throw unknown(path, known.keySet());
    }
    return found;
  }

  private void collect(JavaType type, Map<String, JavaType> fields) {
    for (var component : type.getRawClass().getRecordComponents()) {
      var its = json.constructType(component.getGenericType());
      if (has(type, component, JsonUnwrapped.class) && its.getRawClass().isRecord()) {
        collect(its, fields);
        var ignored = annotation(type, component, JsonIgnoreProperties.class);
        if (ignored != null) {
          Set.of(ignored.value()).forEach(fields::remove);
        }
      } else if (!has(type, component, JsonIgnore.class)) {
        fields.put(TreeCheck.nameOf(component, json), its);
      }
    }
  }

  private static boolean has(
      JavaType type,
      RecordComponent component,
      Class<? extends java.lang.annotation.Annotation> annotation) {
    return annotation(type, component, annotation) != null;
  }

  private static <A extends java.lang.annotation.Annotation> @Nullable A annotation(
      JavaType type, RecordComponent component, Class<A> annotation) {
    var at = component.getAccessor().getAnnotation(annotation);
    if (at != null) {
      return at;
    }
    try {
      return type.getRawClass().getDeclaredField(component.getName()).getAnnotation(annotation);
    } catch (NoSuchFieldException e) {
      return null;
    }
  }

  private static ProblemException unknown(String path, Collection<String> known) {
    var name = path.substring(path.lastIndexOf('.') + 1);
    return new ProblemException(
        Code.INVALID_PARAMETER,
        "fields names `%s`, which is not a field of this response"
                .formatted(path.length() <= 60 ? path : path.substring(0, 60))
            + Spelling.nearest(name, known)
                .map("; did you mean `%s`?"::formatted)
                .orElse(
                    known.isEmpty()
                        ? ""
                        : "; supported are "
                            + known.stream()
                                .map("`%s`"::formatted)
                                .collect(Collectors.joining(", "))));
  }

  private static void narrow(JsonNode node, Selection selection) {
    if (selection.fields().isEmpty()) {
      return;
    }
    if (node instanceof ArrayNode array) {
      array.forEach(one -> narrow(one, selection));
    } else if (node instanceof ObjectNode object) {
      object.retain(selection.fields().keySet());
      selection
          .fields()
          .forEach(
              (name, inner) -> {
                if (object.get(name) instanceof JsonNode child) {
                  narrow(child, inner);
                }
              });
    }
  }
}
