package dev.spikewise.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.spikewise.SpikewiseApplication;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.test.context.TestPropertySource;
import org.springframework.web.servlet.function.RouterFunction;
import org.springframework.web.servlet.function.RouterFunctions;
import org.springframework.web.servlet.function.ServerResponse;

/**
 * A server with one key of each role; the hashes are those of "read-key", "train-key" and
 * "admin-key".
 */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:security;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/security-data",
      "spikewise.security.api-keys[0].name=reader",
      "spikewise.security.api-keys[0].sha256=8578df6c579d44d3bf7caeada69ed9cbca30b318a50a0e60216b46760edf5477",
      "spikewise.security.api-keys[1].name=ci",
      "spikewise.security.api-keys[1].role=train",
      "spikewise.security.api-keys[1].sha256=3eb629ea3ad6dcb3e3d1e8571e431c7c5d7ccf40091359145001e268a5d50487",
      "spikewise.security.api-keys[2].name=operator",
      "spikewise.security.api-keys[2].role=admin",
      "spikewise.security.api-keys[2].sha256=69a5265506c94c77b787a7d7377b7685a0eff82e33920a71e7ee22cd6154953e"
    })
@Import(SecurityTest.Broken.class)
class SecurityTest {

  private static final String MODELS = "/api/v1/models";
  private static final String MODEL =
      "{\"input_shape\": [4], \"layers\": [{\"type\": \"Linear\", \"out_features\": 2}, {\"type\":"
          + " \"IAF\"}]}";

  private final HttpClient client = HttpClient.newHttpClient();

  @LocalServerPort int port;

  @Test
  void withoutAKeyOnlyHealthIsOpen() throws Exception {
    assertThat(send("GET", "/actuator/health/liveness").statusCode()).isEqualTo(200);
    for (var path :
        new String[] {
          MODELS, "/", "/v3/api-docs", "/swagger-ui.html", "/actuator/prometheus", "/error"
        }) {
      var response = send("GET", path);
      assertThat(response.statusCode()).as(path).isEqualTo(401);
      assertThat(response.headers().firstValue("Content-Type"))
          .contains("application/problem+json");
      assertThat(response.body()).contains("\"code\":\"unauthorized\"", "X-API-Key");
    }
    assertThat(send("GET", MODELS, "X-API-Key", "guessed").statusCode()).isEqualTo(401);
    assertThat(send("POST", MODELS).statusCode()).isEqualTo(401);
  }

  @Test
  void everyRoleMayDoWhatTheLesserOnesMay() throws Exception {
    assertThat(send("GET", MODELS, "X-API-Key", "read-key").statusCode()).isEqualTo(200);
    var refused = send("POST", MODELS, "X-API-Key", "read-key");
    assertThat(refused.statusCode()).isEqualTo(403);
    assertThat(refused.body()).contains("\"code\":\"forbidden\"");
    var created = send("POST", MODELS, "X-API-Key", "train-key");
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    var model = created.headers().firstValue("Location").orElseThrow();
    assertThat(send("DELETE", model, "X-API-Key", "train-key").statusCode()).isEqualTo(403);
    assertThat(send("DELETE", model, "X-API-Key", "admin-key").statusCode()).isEqualTo(204);
  }

  @Test
  void browserSendsKeyAsPassword() throws Exception {
    var basic =
        Base64.getEncoder().encodeToString("anybody:read-key".getBytes(StandardCharsets.UTF_8));
    assertThat(send("GET", MODELS, "Authorization", "Basic " + basic).statusCode()).isEqualTo(200);
    assertThat(send("GET", MODELS, "Authorization", "basic " + basic).statusCode()).isEqualTo(200);
    assertThat(send("GET", MODELS, "Authorization", "Basic %%%").statusCode()).isEqualTo(401);
    assertThat(send("GET", MODELS).headers().firstValue("WWW-Authenticate").orElseThrow())
        .startsWith("Basic");
  }

  @Test
  void anotherSitesPageChangesNothing() throws Exception {
    String[] own = {"X-API-Key", "train-key", "Origin", "http://127.0.0.1:" + port};
    assertThat(send("POST", MODELS, own).statusCode()).isEqualTo(201);
    for (var origin :
        new String[] {"https://example.org", "null", "http://127.0.0.1:1", "http://[broken"}) {
      assertThat(send("POST", MODELS, "X-API-Key", "train-key", "Origin", origin).statusCode())
          .isEqualTo(403);
    }
    assertThat(
            send("POST", MODELS, "X-API-Key", "train-key", "Sec-Fetch-Site", "cross-site")
                .statusCode())
        .isEqualTo(403);
  }

  @Test
  void refusedBrowserGetsSelfContainedPage() throws Exception {
    String[] browser = {"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"};
    var unknown = send("GET", "/", browser);
    assertThat(unknown.statusCode()).isEqualTo(401);
    assertThat(unknown.headers().firstValue("WWW-Authenticate").orElseThrow()).startsWith("Basic");
    assertThat(unknown.body()).contains("<h1>Authentication required</h1>", "as the password");
    var refused = send("POST", "/", "X-API-Key", "read-key", browser[0], browser[1]);
    assertThat(refused.statusCode()).isEqualTo(403);
    assertThat(refused.body()).contains("<h1>Not allowed</h1>", "does not allow POST");
    for (var page : List.of(unknown, refused)) {
      assertThat(page.headers().firstValue("Content-Type")).hasValue("text/html;charset=UTF-8");
      assertThat(page.headers().firstValue("Content-Security-Policy").orElseThrow())
          .startsWith("default-src 'none';");
      assertThat(page.body())
          .contains("prefers-color-scheme", "src=\"data:image/svg+xml")
          .doesNotContain("src=\"/", "stylesheet", "<script");
    }
    assertThat(send("GET", MODELS, browser).headers().firstValue("Content-Type"))
        .hasValue("application/problem+json");
  }

  @Test
  void internalErrorShowsIdAndOnlyTheLogHasDetails() throws Exception {
    for (var accept : List.of("text/html,*/*;q=0.8", "*/*")) {
      var fault = send("GET", "/broken", "X-API-Key", "read-key", "Accept", accept);
      assertThat(fault.statusCode()).isEqualTo(500);
      assertThat(fault.headers().firstValue("Content-Type"))
          .hasValue(accept.equals("*/*") ? "application/problem+json" : "text/html;charset=UTF-8");
      assertThat(fault.body())
          .contains("Internal error")
          .containsPattern("report this error together with the log entry [0-9a-f-]{36}")
          .doesNotContain("secret");
    }
  }

  /** A page with a fault. */
  static class Broken {
    @Bean
    RouterFunction<ServerResponse> broken() {
      return RouterFunctions.route()
          .GET(
              "/broken",
              _ -> {
                throw new IllegalStateException("secret");
              })
          .build();
    }
  }

  @Test
  void everyAnswerHasThePolicyThatKeepsForeignScriptsOut() throws Exception {
    var headers = send("GET", "/actuator/health/liveness").headers();
    assertThat(headers.firstValue("Content-Security-Policy").orElseThrow())
        .contains("script-src 'self';");
    assertThat(headers.firstValue("X-Content-Type-Options")).contains("nosniff");
    assertThat(headers.firstValue("X-Frame-Options")).contains("DENY");
  }

  @Test
  void reachableServerWithoutCredentialsDoesNotStart() {
    assertThatThrownBy(
            () ->
                SpringApplication.run(
                    SpikewiseApplication.class,
                    "--server.address=0.0.0.0",
                    "--server.port=0",
                    "--spring.datasource.url=jdbc:h2:mem:unprotected",
                    "--spikewise.data-dir=target/security-data"))
        .hasRootCauseInstanceOf(UnprotectedServerException.class);
    var told =
        new UnprotectedServerException.Analyzer()
            .analyze(new UnprotectedServerException("0.0.0.0"));
    assertThat(told.getAction())
        .contains("spikewise.security.api-keys[0].name", "issuer-uri", "anonymous=true");
  }

  @Test
  void keysOfOneNameOrHashAreRefusedAtStart() {
    var key = new SecuritySettings.ApiKey("ci", "0".repeat(64), Role.TRAIN, "red");
    var named = new SecuritySettings.ApiKey("ci", "1".repeat(64), Role.READ, "red");
    var hashed = new SecuritySettings.ApiKey("other", "0".repeat(64), Role.READ, "blue");
    var elsewhere = new SecuritySettings.ApiKey("ci", "2".repeat(64), Role.READ, "blue");
    var operators = new SecuritySettings.ApiKey("ci", "3".repeat(64), Role.READ, null);
    assertThatThrownBy(() -> new SecuritySettings(List.of(key, named), null, false))
        .hasMessageContaining("ci and ci have the same name in one tenant");
    assertThatThrownBy(() -> new SecuritySettings(List.of(key, hashed), null, false))
        .hasMessageContaining("ci and other have the same sha256");
    assertThat(new SecuritySettings(List.of(key, elsewhere, operators), null, false).apiKeys())
        .hasSize(3);
  }

  private HttpResponse<String> send(String method, String path, String... headers)
      throws IOException, InterruptedException {
    var body = method.equals("POST") ? BodyPublishers.ofString(MODEL) : BodyPublishers.noBody();
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .method(method, body)
            .setHeader("Content-Type", "application/json");
    for (int i = 0; i < headers.length; i += 2) {
      request.setHeader(headers[i], headers[i + 1]);
    }
    return client.send(request.build(), BodyHandlers.ofString());
  }
}
