package dev.spikewise.web;

import dev.spikewise.problem.Problem;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.io.Resource;
import org.springframework.http.HttpHeaders;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.security.web.firewall.RequestRejectedException;
import org.springframework.stereotype.Component;
import org.thymeleaf.ITemplateEngine;
import org.thymeleaf.context.Context;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes problem responses. Programs receive JSON regardless of their Accept header, so that a
 * client that accepts only images or CSV still learns what went wrong; a browser that opens a page
 * receives HTML.
 */
@Component
public final class ProblemWriter {

  private static final MediaType HTML = new MediaType(MediaType.TEXT_HTML, StandardCharsets.UTF_8);

  /** Paths below this prefix always respond with JSON, also to browsers. */
  static final String API = "/api/";

  /**
   * The page loads nothing from the server, because the server may refuse those requests as well: a
   * client without credentials would not receive a style sheet either.
   */
  private static final String CONTENT_POLICY =
      "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action"
          + " 'none'; frame-ancestors 'none'";

  private final JsonMapper json;
  private final ITemplateEngine pages;
  private final String style;
  private final String icon;

  ProblemWriter(
      JsonMapper json,
      ITemplateEngine pages,
      @Value("classpath:static/dashboard.css") Resource style,
      @Value("classpath:static/spike.svg") Resource icon)
      throws IOException {
    this.json = json;
    this.pages = pages;
    this.style = style.getContentAsString(StandardCharsets.UTF_8);
    this.icon =
        "data:image/svg+xml;base64,"
            + Base64.getEncoder().encodeToString(icon.getContentAsByteArray());
  }

  /**
   * Builds the response of a controller.
   *
   * @param problem problem with the path of the request
   */
  public ResponseEntity<byte[]> of(Problem problem, HttpServletRequest request) {
    var answer =
        ResponseEntity.status(problem.status()).header(HttpHeaders.VARY, HttpHeaders.ACCEPT);
    return wantsPage(problem, request)
        ? answer
            .contentType(HTML)
            .header("Content-Security-Policy", CONTENT_POLICY)
            .body(page(problem, request.getContextPath()).getBytes(StandardCharsets.UTF_8))
        : answer
            .contentType(MediaType.APPLICATION_PROBLEM_JSON)
            .body(json.writeValueAsBytes(problem));
  }

  /** Answers a request that does not reach a controller. */
  public void write(Problem problem, HttpServletRequest request, HttpServletResponse response)
      throws IOException {
    var answer = of(problem.at(request.getRequestURI()), request);
    response.setStatus(problem.status());
    answer.getHeaders().forEach((name, values) -> response.setHeader(name, values.getFirst()));
    response.getOutputStream().write(Objects.requireNonNull(answer.getBody()));
  }

  private String page(Problem problem, String base) {
    return pages.process(
        "problem",
        new Context(
            Locale.ROOT, Map.of("problem", problem, "style", style, "icon", icon, "base", base)));
  }

  /**
   * Whether Accept lists HTML before JSON, as browsers do when they open a page. A wildcard does
   * not count, because programs send it.
   */
  private static boolean wantsPage(Problem problem, HttpServletRequest request) {
    if (problem.instance() instanceof String path
        && path.startsWith(request.getContextPath() + API)) {
      return false;
    }
    try {
      var ranges =
          MediaType.parseMediaTypes(Collections.list(request.getHeaders(HttpHeaders.ACCEPT)));
      var named = ranges.stream().filter(MediaType.TEXT_HTML::equalsTypeAndSubtype).toList();
      var json =
          ranges.stream()
              .filter(
                  range ->
                      range.includes(MediaType.APPLICATION_PROBLEM_JSON)
                          || range.includes(MediaType.APPLICATION_JSON))
              .toList();
      return quality(named) > quality(json);
    } catch (InvalidMediaTypeException | RequestRejectedException e) {
      // The Accept header is malformed, which may be the reported problem itself.
      return false;
    }
  }

  private static double quality(List<MediaType> ranges) {
    return ranges.stream().mapToDouble(MediaType::getQualityValue).max().orElse(0);
  }
}
