package dev.spikewise.openapi;

import static java.util.Objects.requireNonNull;
import static java.util.Objects.requireNonNullElseGet;

import dev.spikewise.problem.Problem;
import io.swagger.v3.core.converter.AnnotatedType;
import io.swagger.v3.core.converter.ModelConverterContextImpl;
import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.PathItem.HttpMethod;
import io.swagger.v3.oas.models.examples.Example;
import io.swagger.v3.oas.models.headers.Header;
import io.swagger.v3.oas.models.info.Info;
import io.swagger.v3.oas.models.media.Content;
import io.swagger.v3.oas.models.media.IntegerSchema;
import io.swagger.v3.oas.models.media.MediaType;
import io.swagger.v3.oas.models.media.NumberSchema;
import io.swagger.v3.oas.models.media.ObjectSchema;
import io.swagger.v3.oas.models.media.Schema;
import io.swagger.v3.oas.models.media.StringSchema;
import io.swagger.v3.oas.models.parameters.HeaderParameter;
import io.swagger.v3.oas.models.parameters.Parameter;
import io.swagger.v3.oas.models.parameters.QueryParameter;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.oas.models.security.SecurityRequirement;
import io.swagger.v3.oas.models.security.SecurityScheme;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springdoc.core.customizers.GlobalOperationCustomizer;
import org.springdoc.core.customizers.OpenApiCustomizer;
import org.springdoc.core.customizers.ServerBaseUrlCustomizer;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.io.Resource;
import org.springframework.core.io.support.PathMatchingResourcePatternResolver;
import org.springframework.http.HttpRequest;
import org.springframework.stereotype.Component;
import org.springframework.web.bind.annotation.BindParam;
import org.springframework.web.bind.annotation.ModelAttribute;
import org.springframework.web.method.HandlerMethod;
import org.springframework.web.multipart.MultipartFile;
import tools.jackson.databind.json.JsonMapper;

/**
 * Completes the OpenAPI document with information that controllers lack: the problems of each
 * operation, credentials, files, and the examples under {@code examples/OPERATION/NAME.json} (or
 * .txt for a text/plain body).
 */
@Component
class ApiDocument implements OpenApiCustomizer, GlobalOperationCustomizer, ServerBaseUrlCustomizer {

  private static final String BASE = "/api/v1/";
  private static final String PROBLEM = "application/problem+json";
  private static final String JSON = "application/json";
  private static final String TEXT = "text/plain";
  private static final String MULTIPART = "multipart/form-data";

  private final SchemaConverter schemas;
  private final JsonMapper json;
  private final String version;
  private final Map<String, Map<String, Resource>> examples = new LinkedHashMap<>();

  ApiDocument(
      SchemaConverter schemas,
      JsonMapper json,
      @Value("${spring.application.version:}") String version)
      throws IOException {
    this.schemas = schemas;
    this.json = json;
    this.version = version;
    var files = new PathMatchingResourcePatternResolver().getResources("classpath:/examples/*/*");
    for (var file : files) {
      String[] path = file.getURI().toString().split("/");
      examples
          .computeIfAbsent(path[path.length - 2], operation -> new LinkedHashMap<>())
          .put(path[path.length - 1], file);
    }
  }

  @Override
  public void customise(OpenAPI document) {
    document
        .info(
            new Info()
                .title("Spikewise")
                .version(version)
                .description("Trains spiking neural networks to a synaptic-operation budget."))
        .tags(null);
    var context = new ModelConverterContextImpl(schemas);
    context.resolve(new AnnotatedType(Problem.class));
    context.getDefinedModels().forEach(document.getComponents()::addSchemas);
    secure(document);
    document
        .getPaths()
        .forEach(
            (path, item) ->
                item.readOperationsMap()
                    .forEach((method, operation) -> complete(path, method, operation)));
  }

  /** Uses only the path, which is correct for any host name of the server. */
  @Override
  public String customize(String serverBaseUrl, HttpRequest request) {
    var path = URI.create(serverBaseUrl).getPath();
    return path.isEmpty() ? "/" : path;
  }

  private static void secure(OpenAPI document) {
    document
        .getComponents()
        .addSecuritySchemes(
            "key",
            new SecurityScheme()
                .type(SecurityScheme.Type.APIKEY)
                .in(SecurityScheme.In.HEADER)
                .name("X-API-Key"))
        .addSecuritySchemes(
            "password", new SecurityScheme().type(SecurityScheme.Type.HTTP).scheme("basic"))
        .addSecuritySchemes(
            "token",
            new SecurityScheme()
                .type(SecurityScheme.Type.HTTP)
                .scheme("bearer")
                .bearerFormat("JWT"));
    // Any one of them, or none on a server without credentials.
    document.security(
        Stream.of("key", "password", "token")
            .map(name -> new SecurityRequirement().addList(name))
            .collect(Collectors.toList()));
    document.getSecurity().add(new SecurityRequirement());
  }

  private void complete(String path, HttpMethod method, Operation operation) {
    operation.operationId(operationId(path, method));
    operation.tags(List.of(path.substring(BASE.length()).split("/")[0]));
    if (operation.getDescription() != null) {
      String description = tidy(operation.getDescription());
      String first = description.split("(?<=\\.) ", 2)[0];
      operation.summary(first).description(first.equals(description) ? null : description);
    }
    if (method == HttpMethod.POST) {
      operation.addParametersItem(
          new HeaderParameter()
              .name("Idempotency-Key")
              .description(
                  "Key of the request: repeating key and body returns the first response again.")
              .schema(new StringSchema()));
    }
    if (path.equals(BASE + "jobs") && method == HttpMethod.POST) {
      operation.addParametersItem(
          new QueryParameter()
              .name("dry_run")
              .description(
                  "Whether to only check the job and return an estimate with status 200; nothing is"
                      + " stored.")
              .schema(new Schema<>().type("boolean")));
    }
    if (operation.getParameters() != null) {
      operation.getParameters().forEach(ApiDocument::describe);
    }
    if (operation.getRequestBody() != null) {
      bodies(operation);
      jsonFirst(operation.getRequestBody().getContent());
    }
    if (operation.getResponses().containsKey("202")) {
      // Client generators take the lowest status as the normal response, so the dry run is not
      // listed as 200.
      ApiResponse dryRun = operation.getResponses().remove("200");
      if (dryRun != null) {
        operation
            .getResponses()
            .addApiResponse(
                "2XX", dryRun.description("Status 200 with dry_run=true: an estimate of the job."));
      }
    }
    answers(path, method, operation);
    problems(path, method, operation);
  }

  private static void jsonFirst(Content content) {
    if (content.containsKey(JSON)) {
      Set.copyOf(content.keySet()).stream()
          .filter(type -> !type.equals(JSON))
          .sorted()
          .forEach(type -> moveToEnd(content, type));
    }
  }

  private static <T> void moveToEnd(Map<String, T> map, String key) {
    T value = map.remove(key);
    if (value != null) {
      map.put(key, value);
    }
  }

  /** getJob, listJobs, createJob, cancelJob, getJobEpochsCsv. */
  private static String operationId(String path, HttpMethod method) {
    String[] parts = path.substring(BASE.length()).split("/");
    String plural = words(parts[0]);
    String one =
        plural.endsWith("yses")
            ? plural.replaceAll("es$", "is")
            : plural.replaceAll("(?<=ch)es$|s$", "");
    boolean single = parts.length > 1;
    if (single && !parts[1].startsWith("{")) {
      return method.name().toLowerCase(Locale.ROOT) + plural + words(parts[1]);
    }
    String rest =
        Arrays.stream(parts)
            .skip(2)
            .map(part -> words(part.replaceAll("\\{\\w+}\\.?", "")))
            .collect(Collectors.joining());
    return switch (method) {
      case GET -> single ? "get" + one + rest : "list" + plural;
      case POST ->
          rest.equals("Model")
              ? "create" + one + rest
              : single
                  ? rest.substring(0, 1).toLowerCase(Locale.ROOT) + rest.substring(1) + one
                  : "create" + one;
      case PATCH -> "change" + one + rest;
      default -> method.name().toLowerCase(Locale.ROOT) + (single ? one : plural) + rest;
    };
  }

  private static String words(String text) {
    return Arrays.stream(text.split("[^A-Za-z0-9]"))
        .filter(word -> !word.isEmpty())
        .map(word -> Character.toUpperCase(word.charAt(0)) + word.substring(1))
        .collect(Collectors.joining());
  }

  /** Descriptions of parameters that have the same meaning in all operations. */
  private static void describe(Parameter parameter) {
    if (parameter.getName().equals("input_shape")) {
      // Used only with a printed model.
      parameter.required(false);
    }
    if (parameter.getDescription() != null) {
      parameter.description(tidy(parameter.getDescription()));
      return;
    }
    parameter.description(
        switch (parameter.getName()) {
          case "id" -> "Id of the resource.";
          case "source" -> "Id of the job or model that the models must come from.";
          case "limit" -> "Maximum number of entries per page.";
          case "cursor" ->
              "Value of next_cursor of the preceding page; the first page when absent.";
          case "after" -> "Number of the epoch after which the list starts; the same as cursor.";
          case "max_points" ->
              "Maximum number of epochs returned: every n-th epoch where there are more.";
          case "status" -> "States of the jobs to return; all states when absent.";
          case "label" -> "Labels that the jobs must all have, each as key:value.";
          case "name" -> "Name that the entries must have.";
          case "layer" -> "Name of a spiking layer.";
          case "sample" ->
              "Index of the sample in the data set; the first test sample when absent, or the first"
                  + " sample without test samples.";
          case "plot" ->
              "Name of the figure: synops, firing-rate, firing-rate-histogram, graph, early-exit or"
                  + " raster.";
          case "columns" -> "Number of histograms per row, 1 to 4.";
          case "at" -> "Any text, which gives a newer picture an address of its own for caches.";
          case "theme" ->
              "Colour scheme, light or dark; when absent an SVG follows the viewer's scheme and a"
                  + " PNG is light.";
          case "dialect" ->
              "Library whose conventions the NIR file follows: sinabs, norse, snntorch,"
                  + " spikingjelly or lava.";
          case "input_shape" ->
              "Shape of one input sample, which Python does not print: channels,height,width or"
                  + " features.";
          case "target" -> "Name of the chip: speck2f.";
          case "Accept" ->
              "Media type of the response: application/x-npz or application/x-safetensors.";
          case "Prefer" ->
              "Long polling: wait=30 delays the response until something changes, at most 60"
                  + " seconds.";
          case "If-None-Match" -> "ETag of the version that the client has.";
          case "If-Match" ->
              "ETag of the version to change; any other version is answered with 412.";
          case "Last-Event-ID" -> "Id of the last event received; the stream continues after it.";
          default -> null;
        });
  }

  private void bodies(Operation operation) {
    operation
        .getRequestBody()
        .getContent()
        .forEach(
            (type, media) -> {
              if (!type.endsWith("json") && !type.startsWith(MULTIPART)) {
                media.schema(file(type));
              }
              boolean text = type.equals(TEXT);
              if (type.equals(JSON) || text) {
                examples
                    .getOrDefault(operation.getOperationId(), Map.of())
                    .forEach(
                        (name, resource) -> {
                          if (name.endsWith(".txt") == text) {
                            media.addExamples(
                                name.replaceAll("\\.\\w+$", ""),
                                new Example().value(text ? read(resource) : tree(resource)));
                          }
                        });
              }
            });
  }

  private Object tree(Resource resource) {
    return json.readValue(read(resource), Object.class);
  }

  private static String read(Resource resource) {
    try {
      return resource.getContentAsString(StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Describes the fields of a multipart form from the record that they are bound to; springdoc
   * would describe them as query parameters or as a JSON object.
   */
  @Override
  public Operation customize(Operation operation, HandlerMethod method) {
    for (var parameter : method.getMethodParameters()) {
      if (parameter.hasParameterAnnotation(ModelAttribute.class)
          && operation.getRequestBody() != null
          && operation.getRequestBody().getContent().get(MULTIPART) instanceof MediaType media) {
        if (operation.getParameters() != null) {
          operation.getParameters().removeIf(query -> query.getIn().equals("query"));
        }
        media.schema(form(parameter.getParameterType()));
      }
    }
    return operation;
  }

  private static Schema<?> form(Class<?> type) {
    var form = new ObjectSchema();
    for (var component : type.getRecordComponents()) {
      var bound = parameter(type, component.getName()).getAnnotation(BindParam.class);
      var name = bound == null ? component.getName() : bound.value();
      Schema<?> schema =
          component.getType() == MultipartFile.class
              ? file("")
              : component.getType() == Integer.class
                  ? new IntegerSchema()
                  : component.getType() == Double.class ? new NumberSchema() : new StringSchema();
      form.addProperty(name, schema.description(SchemaConverter.comment(type, component)));
      if (!component.getAnnotatedType().isAnnotationPresent(Nullable.class)) {
        form.addRequiredItem(name);
      }
    }
    return form;
  }

  /** Parameter of a record's only constructor, which has the binding annotations. */
  private static java.lang.reflect.Parameter parameter(Class<?> type, String name) {
    return Arrays.stream(type.getDeclaredConstructors()[0].getParameters())
        .filter(parameter -> parameter.getName().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static Schema<?> file(String type) {
    return type.startsWith("text/") || type.contains("xml")
        ? new StringSchema()
        : new StringSchema().format("binary");
  }

  private static void answers(String path, HttpMethod method, Operation operation) {
    operation
        .getResponses()
        .forEach(
            (status, answer) -> {
              if (answer.getContent() != null) {
                answer
                    .getContent()
                    .forEach(
                        (type, media) -> {
                          if (!type.equals(JSON)) {
                            media.schema(file(type));
                          }
                        });
              }
              if (method == HttpMethod.POST && (status.equals("201") || status.equals("202"))) {
                answer.addHeaderObject("Location", header("Path of the created resource."));
              }
            });
    if (path.endsWith("/events")) {
      var answer = requireNonNull(operation.getResponses().get("200"));
      answer.content(
          requireNonNullElseGet(answer.getContent(), Content::new)
              .addMediaType("text/event-stream", new MediaType().schema(new StringSchema())));
    }
    if (method == HttpMethod.GET
        && (path.equals(BASE + "jobs/{id}")
            || path.equals(BASE + "sweeps/{id}")
            || path.equals(BASE + "searches/{id}"))) {
      requireNonNull(operation.getResponses().get("200"))
          .addHeaderObject("ETag", header("Version of the resource, for If-None-Match."));
      operation
          .getResponses()
          .addApiResponse(
              "304",
              new ApiResponse()
                  .description("The resource has not changed since the version in If-None-Match."));
    }
  }

  private static Header header(String description) {
    return new Header().description(description).schema(new StringSchema());
  }

  private static void problems(String path, HttpMethod method, Operation operation) {
    var statuses = new TreeSet<>(Set.of(401, 403, 500, 503));
    boolean body = operation.getRequestBody() != null;
    if (operation.getParameters() != null
        && operation.getParameters().stream().anyMatch(p -> p.getIn().equals("query"))) {
      statuses.add(400);
    }
    if (path.contains("{")) {
      statuses.add(404);
    }
    if (body) {
      statuses.addAll(Set.of(400, 413, 415));
    }
    if (method == HttpMethod.POST || body) {
      statuses.add(422);
    }
    if (operation.getParameters() != null
        && operation.getParameters().stream().anyMatch(p -> p.getName().equals("If-Match"))) {
      statuses.addAll(Set.of(400, 412));
    }
    if (method == HttpMethod.GET) {
      statuses.add(406);
    }
    if (method == HttpMethod.DELETE || method == HttpMethod.POST) {
      statuses.add(409);
    }
    for (var code : Problem.Code.values()) {
      // Size and rate limits apply to all operations.
      if (code.status() == 429) {
        statuses.add(429);
      }
    }
    for (int status : statuses) {
      String codes =
          Arrays.stream(Problem.Code.values())
              .filter(code -> code.status() == status)
              .map(code -> code.word() + ": " + Problem.of(code, "").title())
              .collect(Collectors.joining(". "));
      operation
          .getResponses()
          .addApiResponse(
              Integer.toString(status),
              new ApiResponse()
                  .description(codes)
                  .content(
                      new Content()
                          .addMediaType(
                              PROBLEM,
                              new MediaType()
                                  .schema(new Schema<>().$ref("#/components/schemas/Problem")))));
    }
  }

  private static String tidy(String javadoc) {
    return javadoc
        .replaceAll("</?code>", "`")
        .replaceAll("<[^>]*>", "")
        .replaceAll("\\s+", " ")
        .strip();
  }
}
