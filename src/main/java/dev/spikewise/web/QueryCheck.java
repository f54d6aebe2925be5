package dev.spikewise.web;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.problem.Spelling;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.lang.reflect.Parameter;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.springframework.beans.BeanUtils;
import org.springframework.core.MethodParameter;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.stereotype.Component;
import org.springframework.web.bind.annotation.BindParam;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.multipart.MultipartHttpServletRequest;
import org.springframework.web.servlet.HandlerInterceptor;
import org.springframework.web.servlet.HandlerMapping;

/**
 * Refuses query parameters that the operation does not have, and repeated ones that it reads only
 * once: Spring would ignore the former and join the latter with commas.
 */
@Component
final class QueryCheck implements HandlerInterceptor {

  /** Parameters of each operation by name, and whether each may be repeated. */
  private final Map<HandlerMethod, Map<String, Boolean>> known = new ConcurrentHashMap<>();

  @Override
  public boolean preHandle(
      HttpServletRequest request, HttpServletResponse response, Object handler) {
    if (handler instanceof HandlerMethod method && isApi(request)) {
      check(request, known.computeIfAbsent(method, QueryCheck::parameters));
    }
    return true;
  }

  private static boolean isApi(HttpServletRequest request) {
    return request.getAttribute(HandlerMapping.BEST_MATCHING_PATTERN_ATTRIBUTE)
            instanceof String pattern
        && pattern.startsWith(ProblemWriter.API);
  }

  private static void check(HttpServletRequest request, Map<String, Boolean> known) {
    var given = new LinkedHashMap<String, Integer>();
    request.getParameterMap().forEach((name, values) -> given.put(name, values.length));
    if (request instanceof MultipartHttpServletRequest parts) {
      parts
          .getMultiFileMap()
          .forEach((name, files) -> given.merge(name, files.size(), Integer::sum));
    }
    given.forEach(
        (name, times) -> {
          var repeatable = known.get(name);
          if (repeatable == null) {
            throw new ProblemException(Code.INVALID_PARAMETER, unknown(name, known.keySet()));
          }
          if (times > 1 && !repeatable) {
            throw new ProblemException(
                Code.INVALID_PARAMETER,
                "`%s` may be given once but was given %d times".formatted(name, times));
          }
        });
  }

  private static String unknown(String name, Set<String> known) {
    var shown = name.length() <= 60 ? name : name.substring(0, 57) + "...";
    return "this operation has no parameter `%s`".formatted(shown)
        + Spelling.nearest(name, known)
            .map("; did you mean `%s`?"::formatted)
            .orElse(
                known.isEmpty()
                    ? "; it has no parameters"
                    : "; supported are "
                        + new TreeSet<>(known)
                            .stream().map("`%s`"::formatted).collect(Collectors.joining(", ")));
  }

  private static Map<String, Boolean> parameters(HandlerMethod method) {
    var names = new LinkedHashMap<String, Boolean>();
    var mapping =
        AnnotatedElementUtils.findMergedAnnotation(method.getMethod(), RequestMapping.class);
    if (mapping != null) {
      for (var condition : mapping.params()) {
        names.put(condition.split("!?=")[0].replace("!", ""), false);
      }
    }
    if (method.hasMethodAnnotation(SelectableFields.class)) {
      names.put(SelectableFields.PARAMETER, false);
    }
    for (var parameter : method.getMethodParameters()) {
      var simple = parameter.getParameterAnnotation(RequestParam.class);
      if (simple != null) {
        names.put(nameOf(parameter, simple), isRepeatable(parameter.getParameterType()));
      } else if (parameter.getParameterType().isRecord()
          && Arrays.stream(parameter.getParameterAnnotations())
              .allMatch(a -> BINDING.contains(a.annotationType().getSimpleName()))) {
        for (var part :
            BeanUtils.getResolvableConstructor(parameter.getParameterType()).getParameters()) {
          names.put(nameOf(part), isRepeatable(part.getType()));
        }
      }
    }
    return names;
  }

  /** Annotations of a record that is bound from query parameters rather than from the body. */
  private static final Set<String> BINDING = Set.of("ParameterObject", "ModelAttribute");

  private static String nameOf(MethodParameter parameter, RequestParam annotation) {
    return annotation.name().isEmpty()
        ? String.valueOf(parameter.getParameter().getName())
        : annotation.name();
  }

  private static String nameOf(Parameter part) {
    var bound = part.getAnnotation(BindParam.class);
    return bound == null ? part.getName() : bound.value();
  }

  private static boolean isRepeatable(Class<?> type) {
    return Collection.class.isAssignableFrom(type) || type.isArray();
  }
}
