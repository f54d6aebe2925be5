package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProblemsTest extends ServiceTest {

  /** What a browser sends when it opens a page. */
  private static final String BROWSER =
      "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

  private HttpResponse<String> send(String method, String path, String accept) {
    return send(method, path, BodyPublishers.noBody(), "Accept", accept);
  }

  @Test
  void unknownPathIsProblem() {
    var problem = problem(get("/api/v1/nothing"), 404, "not_found");
    assertThat(problem.get("title").asString()).isEqualTo("Not found");
    assertThat(problem.get("instance").asString()).isEqualTo("/api/v1/nothing");
    assertThat(problem.get("type").asString()).isEqualTo("urn:spikewise:problem:not_found");
    assertThat(problem.get("errors").size()).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /nonsense, 404, not_found, Not found",
    "GET, /sweeps/, 404, not_found, Not found",
    "GET, /sweeps/nothing, 404, not_found, Not found",
    "GET, /jobs/nothing, 404, not_found, Not found",
    "GET, /jobs/00000000-0000-0000-0000-000000000000, 404, not_found, Not found",
    "GET, /error, 404, not_found, Not found",
    "GET, /?cursor=x, 400, invalid_parameter, Invalid parameter",
    "GET, /compare?id=x, 400, invalid_parameter, Invalid parameter",
    "GET, /x;y, 400, invalid_parameter, Invalid parameter",
    "GET, /a%2fb, 400, invalid_parameter, Invalid parameter",
    "POST, /, 405, method_not_allowed, Method not allowed"
  })
  void browserGetsPageAndProgramGetsJson(
      String method, String path, int status, String code, String title) {
    var page = send(method, path, BROWSER);
    assertThat(page.statusCode()).isEqualTo(status);
    assertThat(page.headers().firstValue("Content-Type")).hasValue("text/html;charset=UTF-8");
    assertThat(page.headers().firstValue("Vary").orElseThrow().toLowerCase(Locale.ROOT).split(","))
        .contains("accept");
    assertThat(page.headers().allValues("Content-Security-Policy")).hasSize(1);
    assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow())
        .startsWith("default-src 'none';")
        .doesNotContain("script-src");
    assertThat(page.body())
        .contains("<h1>" + title + "</h1>", "href=\"/\"")
        .doesNotContain("<script", "\"code\"");
    for (var accept :
        new String[] {
          "*/*",
          "application/json",
          "application/problem+json",
          "application/json, text/html;q=0.9",
          "text/html, */*",
          "text/*",
          "image/png",
          "text/html, ;;"
        }) {
      var told = send(method, path, accept);
      problem(told, status, code);
      assertThat(
              told.headers().firstValue("Vary").orElseThrow().toLowerCase(Locale.ROOT).split(","))
          .contains("accept");
      assertThat(told.headers().allValues("Allow")).isEqualTo(page.headers().allValues("Allow"));
    }
    problem(send(method, path, BodyPublishers.noBody()), status, code);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/api/v1/nothing", "/api/v1/jobs/nothing", "/api/v1/jobs?limit=x"})
  void apiAnswersBrowsersInJson(String path) {
    problem(send("GET", path, BROWSER), path.contains("?") ? 400 : 404, code(path));
  }

  private static String code(String path) {
    return path.contains("?") ? "invalid_parameter" : "not_found";
  }

  @Test
  void problemPageEscapesPathsAndParameters() {
    var page = send("GET", "/?cursor=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", BROWSER);
    assertThat(page.body())
        .contains("&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;")
        .doesNotContain("<script");
    assertThat(send("GET", "/'onload=alert(1)%3Cscript%3E", BROWSER).body())
        .contains("there is nothing at /&#39;onload=alert(1)%3Cscript%3E<");
  }

  @Test
  void explainsRefusalsOfSpring() {
    assertThat(
            problem(delete("/api/v1/models"), 405, "method_not_allowed").get("detail").asString())
        .contains("DELETE");
    assertThat(
            problem(
                    post("/api/v1/jobs", "x", "Content-Type", "text/x"),
                    415,
                    "unsupported_media_type")
                .get("detail")
                .asString())
        .contains("'text/x", "is not supported. Supported: application/json");
  }
}
