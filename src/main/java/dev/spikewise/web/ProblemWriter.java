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
 * Answers with a problem: programs get JSON, whatever they accept, so that a client that accepts
 * only images or CSV is still told what went wrong; a person whose browser opens a page gets one.
 */
@Component
public final class ProblemWriter {

  private static final MediaType HTML = new MediaType(MediaType.TEXT_HTML, StandardCharsets.UTF_8);

  /** The API speaks JSON, to browsers too. */
  static final String API = "/api/";

  /**
   * The page needs nothing from the server, which may have refused it, or be unable to: whoever has
   * no credential would not get a style sheet either.
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
   * The answer for a controller to give.
   *
   * @param problem with the path that was asked for
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
   * Whether Accept names HTML and puts it before JSON, as browsers do when they open a page. A star
   * is no such wish: programs send it.
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
      // Of no use; the header may be what the problem is about.
      return false;
    }
  }

  private static double quality(List<MediaType> ranges) {
    return ranges.stream().mapToDouble(MediaType::getQualityValue).max().orElse(0);
  }
}
