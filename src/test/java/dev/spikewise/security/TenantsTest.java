package dev.spikewise.security;

import static org.assertj.core.api.Assertions.assertThat;

import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.micrometer.metrics.test.autoconfigure.AutoConfigureMetrics;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.test.context.DynamicPropertyRegistry;
import org.springframework.test.context.DynamicPropertySource;
import org.springframework.test.context.TestPropertySource;
import tools.jackson.databind.json.JsonMapper;

/**
 * Three tenants and an operator, by API keys (each key is its name and "-key") and by the tokens of
 * an issuer.
 */
@AutoConfigureMetrics
@ExtendWith(OutputCaptureExtension.class)
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:tenants;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/tenants-data",
      "spikewise.jobs.workers=2",
      // Another test of the same process may have turned it off.
      "logging.level.dev.spikewise.audit=info",
      "spikewise.webhooks.allow-private=true",
      "spikewise.security.api-keys[0].name=red",
      "spikewise.security.api-keys[0].role=train",
      "spikewise.security.api-keys[0].sha256=af6bbab6e4aed4aacdfac7ff89ced445c2613aa1454bdc670a49b2fad78bc0b3",
      "spikewise.security.api-keys[0].tenant=red",
      "spikewise.security.api-keys[1].name=red-admin",
      "spikewise.security.api-keys[1].role=admin",
      "spikewise.security.api-keys[1].sha256=3b1f1d252dc4511be083bb59439c286b8562cd637e67436e1b8dfe8f416164eb",
      "spikewise.security.api-keys[1].tenant=red",
      "spikewise.security.api-keys[2].name=blue",
      "spikewise.security.api-keys[2].role=train",
      "spikewise.security.api-keys[2].sha256=da71e267b3b77b50077da29f7322e9317a1f629a410f782a1a970f97e2548377",
      "spikewise.security.api-keys[2].tenant=blue",
      "spikewise.security.api-keys[3].name=blue-admin",
      "spikewise.security.api-keys[3].role=admin",
      "spikewise.security.api-keys[3].sha256=af14baebbbfff96fbd198923f65b3ed5e65daa2b153cb3bde194362e15ef2edc",
      "spikewise.security.api-keys[3].tenant=blue",
      "spikewise.security.api-keys[4].name=small",
      "spikewise.security.api-keys[4].role=train",
      "spikewise.security.api-keys[4].sha256=d8484842191ca22753c34aa50a10220331c45ca5e3cc419ee26c61a54630bd52",
      "spikewise.security.api-keys[4].tenant=small",
      "spikewise.security.api-keys[5].name=operator",
      "spikewise.security.api-keys[5].role=admin",
      "spikewise.security.api-keys[5].sha256=c9736463f555cdb7d2a78cfd7aa8b8c4f09d906d78f8dab9228eda30a28c2818",
      // Keys of one name in two tenants: "red-ci-key" and "blue-ci-key".
      "spikewise.security.api-keys[6].name=ci",
      "spikewise.security.api-keys[6].role=train",
      "spikewise.security.api-keys[6].sha256=27f23bf36146706527da451811c769b3ee4e53280ff17c25fcee5b6c3403c5c7",
      "spikewise.security.api-keys[6].tenant=red",
      "spikewise.security.api-keys[7].name=ci",
      "spikewise.security.api-keys[7].role=train",
      "spikewise.security.api-keys[7].sha256=a7a57645590d56359d26c373b4bb0a449f911623c3b3fdbb0e1517138d594771",
      "spikewise.security.api-keys[7].tenant=blue",
      "spikewise.security.tenant-claim=team",
      "spring.security.oauth2.resourceserver.jwt.audiences=spikewise",
      "spring.security.oauth2.resourceserver.jwt.authorities-claim-name=roles",
      "spring.security.oauth2.resourceserver.jwt.authority-prefix=ROLE_",
      "spikewise.quotas.jobs-running=1",
      "spikewise.quotas.tenants.small.jobs-queued=2",
      "spikewise.quotas.tenants.small.jobs-running=0",
      "spikewise.quotas.tenants.small.epochs=100",
      "spikewise.quotas.tenants.small.stored-bytes=4KB"
    })
class TenantsTest {

  private static final String LAYERS =
      "\"input_shape\": [1, 8, 8], \"layers\": [{\"type\": \"Flatten\"},"
          + " {\"type\": \"Linear\", \"out_features\": 10}, {\"type\": \"IAF\"}]";

  private static final TestIssuer ISSUER = new TestIssuer();

  private final HttpClient client = HttpClient.newHttpClient();

  @LocalServerPort int port;

  @DynamicPropertySource
  static void issuer(DynamicPropertyRegistry registry) {
    registry.add("spring.security.oauth2.resourceserver.jwt.issuer-uri", ISSUER::uri);
  }

  @AfterAll
  static void close() {
    ISSUER.close();
  }

  @Test
  void rolesComeFromTheToken() throws Exception {
    var reader = token(ISSUER.claims("READ").claim("team", "red"));
    assertThat(send("GET", "/api/v1/jobs", "", reader).statusCode()).isEqualTo(200);
    assertThat(send("POST", "/api/v1/models", model(), reader).statusCode()).isEqualTo(403);
    var trainer = token(ISSUER.claims("TRAIN").claim("team", "red"));
    var made = send("POST", "/api/v1/models", model(), trainer);
    assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
    var path = made.headers().firstValue("Location").orElseThrow();
    // The tenant is the same whatever the credential.
    assertThat(get(path, "red").statusCode()).isEqualTo(200);
    assertThat(get(path, "blue").statusCode()).isEqualTo(404);
    var operator = token(ISSUER.claims("ADMIN"));
    assertThat(send("GET", path, "", operator).statusCode()).isEqualTo(200);
    assertThat(send("GET", "/actuator/prometheus", "", operator).statusCode()).isEqualTo(200);
  }

  @Test
  void rejectsInvalidToken() throws Exception {
    var refused = new ArrayList<String[]>();
    refused.add(token(ISSUER.claims("ADMIN").audience("others")));
    refused.add(token(ISSUER.claims("ADMIN").issuer("http://127.0.0.1:1")));
    refused.add(token(ISSUER.claims("ADMIN").expirationTime(minutesAgo(5))));
    refused.add(token(ISSUER.claims("ADMIN").expirationTime(null)));
    refused.add(token(ISSUER.claims("ADMIN").notBeforeTime(minutesAgo(-5))));
    refused.add(new String[] {"Authorization", "Bearer " + ISSUER.forge(ISSUER.claims("ADMIN"))});
    var unsigned = new PlainJWT(ISSUER.claims("ADMIN").build()).serialize();
    refused.add(new String[] {"Authorization", "Bearer " + unsigned});
    refused.add(new String[] {"Authorization", "Bearer nonsense"});
    // No tenant, and no operator.
    refused.add(token(ISSUER.claims("TRAIN")));
    refused.add(token(ISSUER.claims("TRAIN").claim("team", "../red")));
    for (var credential : refused) {
      var answer = send("GET", "/api/v1/jobs", "", credential);
      assertThat(answer.statusCode()).as(credential[1]).isEqualTo(401);
      assertThat(answer.body()).contains("\"code\":\"unauthorized\"");
    }
    var nothing = token(ISSUER.claims("GUEST").claim("team", "red"));
    assertThat(send("GET", "/api/v1/jobs", "", nothing).statusCode()).isEqualTo(403);
  }

  /** Two keys of one name in two tenants, and a token whose subject is called like them. */
  @Test
  void idempotencyKeysAreSeparatePerTenantAndPrincipal() throws Exception {
    var hook = "{\"url\": \"http://127.0.0.1:1/\"}";
    var ids = new ArrayList<String>();
    for (var who :
        List.of(
            key("red-ci"),
            key("blue-ci"),
            token(ISSUER.claims("TRAIN").claim("team", "red").subject("ci")),
            token(ISSUER.claims("TRAIN").claim("team", "blue").subject("ci")),
            token(ISSUER.claims("ADMIN").subject("ci")))) {
      var answer =
          send("POST", "/api/v1/webhooks", hook, who[0], who[1], "Idempotency-Key", "nightly");
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
      assertThat(answer.headers().firstValue("Idempotency-Replayed")).isEmpty();
      ids.add(answer.headers().firstValue("Location").orElseThrow());
    }
    assertThat(ids).doesNotHaveDuplicates();
    var again =
        send(
            "POST",
            "/api/v1/webhooks",
            hook,
            "X-API-Key",
            "red-ci-key",
            "Idempotency-Key",
            "nightly");
    assertThat(again.headers().firstValue("Idempotency-Replayed")).hasValue("true");
    assertThat(again.body()).contains(id(ids.getFirst())).doesNotContain("whsec_");
  }

  private static String search(String job) {
    return """
    {"job": %s, "objectives": [{"metric": "synops"}], "population": 2, "budget": {"trials": 4},
     "over": {"optimizer/learning_rate": {"type": "float", "min": 0.001, "max": 0.01}}}\
    """
        .formatted(job);
  }

  @Test
  void resourcesOfOtherTenantsAreNotFound() throws Exception {
    var model = created("red", "/api/v1/models", model());
    var job = created("red", "/api/v1/jobs", job("{\"id\": \"" + id(model) + "\"}", 1));
    var sweep =
        created(
            "red",
            "/api/v1/sweeps",
            "{\"job\": " + job("{" + LAYERS + "}", 1) + ", \"seeds\": [1]}");
    var search = created("red", "/api/v1/searches", search(job("{" + LAYERS + "}", 1)));
    var webhook = created("red", "/api/v1/webhooks", "{\"url\": \"http://127.0.0.1:1/\"}");
    var dataset = upload("red", 64).headers().firstValue("Location").orElseThrow();

    for (var path : List.of(model, job, sweep, search, webhook, dataset)) {
      var list = path.substring(0, path.lastIndexOf('/'));
      assertThat(get(path, "red").statusCode()).as(path).isEqualTo(200);
      assertThat(get(path, "operator").statusCode()).as(path).isEqualTo(200);
      assertThat(get(path, "blue").statusCode()).as(path).isEqualTo(404);
      assertThat(get(list, "red").body()).contains(id(path));
      assertThat(get(list, "operator").body()).contains(id(path));
      assertThat(get(list, "blue").body()).doesNotContain(id(path));
      assertThat(send("DELETE", path, "", key("blue-admin")).statusCode()).isEqualTo(404);
    }
    for (var part : List.of("/epochs", "/events", "/statistics", "/weights", "/report")) {
      assertThat(get(job + part, "blue").statusCode()).as(part).isEqualTo(404);
    }
    for (var action : List.of("/cancel", "/pause", "/resume", "/retry")) {
      assertThat(post(job + action, "", "blue").statusCode()).as(action).isEqualTo(404);
    }
    assertThat(post(sweep + "/cancel", "", "blue").statusCode()).isEqualTo(404);
    assertThat(post(search + "/cancel", "", "blue").statusCode()).isEqualTo(404);
    await(search, "succeeded");
    var found = new JsonMapper().readTree(get(search, "operator").body());
    assertThat(found.get("trials").valueStream().map(trial -> trial.get("generation").asInt()))
        .as("later generations belong to the tenant too")
        .contains(1);
    for (var trial : found.get("trials")) {
      var path = "/api/v1/jobs/" + trial.get("job").asString();
      assertThat(get(path, "red").statusCode()).isEqualTo(200);
      assertThat(get(path, "blue").statusCode()).isEqualTo(404);
    }
    assertThat(get("/jobs/" + id(job), "blue").statusCode()).isEqualTo(404);
    // Nor can a job name what it may not see.
    var foreign = post("/api/v1/jobs", job("{\"id\": \"" + id(model) + "\"}", 1), "blue");
    assertThat(foreign.statusCode()).isEqualTo(422);
    assertThat(foreign.body())
        .contains("must be the id of a stored model, but no model has the id");
    var trained =
        job("{" + LAYERS + "}", 1)
            .replace(
                "\"epochs\"",
                "\"input\": {\"type\": \"dataset\", \"id\": \"" + id(dataset) + "\"}, \"epochs\"");
    assertThat(post("/api/v1/jobs", trained, "blue").statusCode()).isEqualTo(422);
    // The same file is stored separately per tenant, so that its id reveals nothing.
    var again = upload("blue", 64);
    assertThat(again.statusCode()).isEqualTo(201);
    assertThat(again.headers().firstValue("Location").orElseThrow()).isNotEqualTo(dataset);
    assertThat(upload("red", 64).statusCode()).isEqualTo(200);

    assertThat(get("/actuator/prometheus", "red-admin").statusCode()).isEqualTo(403);
    assertThat(get("/actuator/prometheus", "operator").statusCode()).isEqualTo(200);
  }

  /** Who may send what, by the rule that the documentation states. */
  private enum Who {
    NOBODY(null),
    READER("READ"),
    TRAINER("TRAIN"),
    ADMIN("ADMIN");

    private final @Nullable String role;

    Who(@Nullable String role) {
      this.role = role;
    }

    boolean may(String method, String collection) {
      return collection.equals("keys") ? this == ADMIN : may(method);
    }

    private boolean may(String method) {
      return switch (method) {
        case "GET" -> this != NOBODY;
        case "DELETE" -> this == ADMIN;
        default -> this == TRAINER || this == ADMIN;
      };
    }

    String[] credential(String tenant) {
      return role == null
          ? new String[] {"X-Nobody", "nobody"}
          : token(ISSUER.claims(role).claim("team", tenant));
    }
  }

  private static final String MARK = "known-to-red-alone";

  /** Every operation of the OpenAPI document, for every role, in the own and in another tenant. */
  @Test
  void everyOperationIsOpenToTheRoleAndTenantThatItBelongsTo() throws Exception {
    var named = model().replaceFirst("\\{", "{\"name\": \"" + MARK + "\", ");
    var job = job(model(), 1).replaceFirst("\\{", "{\"name\": \"" + MARK + "\", ");
    var own =
        Map.of(
            "models", created("red", "/api/v1/models", named),
            "jobs", created("red", "/api/v1/jobs", job),
            "sweeps",
                created(
                    "red", "/api/v1/sweeps", "{\"job\": " + job + ", \"name\": \"" + MARK + "\"}"),
            "searches",
                created(
                    "red",
                    "/api/v1/searches",
                    search(job).replaceFirst("\\{", "{\"name\": \"" + MARK + "\", ")),
            "webhooks",
                created(
                    "red", "/api/v1/webhooks", "{\"url\": \"http://127.0.0.1:1/" + MARK + "\"}"),
            "datasets", upload("red", 49).headers().firstValue("Location").orElseThrow(),
            "keys", created("red-admin", "/api/v1/keys", "{\"name\": \"" + MARK + "\"}"));
    await(own.get("jobs"), "succeeded");
    var document = new JsonMapper().readTree(get("/v3/api-docs", "operator").body());
    var wrong = new ArrayList<String>();
    int sent = 0;
    // Deletions last: an administrator's are carried out.
    for (boolean deletions : new boolean[] {false, true}) {
      for (var operation : document.get("paths").properties()) {
        for (var method : operation.getValue().propertyNames()) {
          if (!List.of("get", "put", "post", "patch", "delete").contains(method)
              || method.equals("delete") != deletions) {
            continue;
          }
          var collection = operation.getKey().split("/")[3];
          boolean single = operation.getKey().contains("{id}");
          var path =
              operation
                  .getKey()
                  .replace("{id}", single ? id(own.getOrDefault(collection, "/x")) : "")
                  .replaceAll("\\{[a-z_]+}", "1");
          var content = operation.getValue().get(method).at("/requestBody/content");
          var type = content.isObject() ? content.propertyNames().iterator().next() : "text/plain";
          for (var who : Who.values()) {
            for (var tenant : List.of("blue", "red")) {
              var credential = who.credential(tenant);
              var answer =
                  send(
                      method.toUpperCase(Locale.ROOT),
                      path,
                      content.isObject() ? "{}" : "",
                      credential[0],
                      credential[1],
                      "Content-Type",
                      type,
                      // A stream of events would not end.
                      "Accept",
                      path.endsWith("/events") ? "application/json" : "*/*");
              sent++;
              var action = method.toUpperCase(Locale.ROOT);
              var allowed = allowed(who, who.may(action, collection), tenant, single);
              if (!allowed.test(answer.statusCode())
                  || tenant.equals("blue") && answer.body().contains(MARK)) {
                wrong.add(
                    "%s %s by %s of %s: %d %s"
                        .formatted(method, path, who, tenant, answer.statusCode(), answer.body()));
              }
            }
          }
        }
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(sent).isGreaterThan(300);
    for (var path : own.values()) {
      assertThat(get(path, "red-admin").statusCode())
          .as("deleted by its administrator")
          .isEqualTo(404);
    }
  }

  private static IntPredicate allowed(Who who, boolean may, String tenant, boolean single) {
    if (who == Who.NOBODY) {
      return status -> status == 401;
    }
    if (!may) {
      return status -> status == 403;
    }
    if (single && tenant.equals("blue")) {
      return status -> status == 404;
    }
    return status -> status < 500 && status != 401 && status != 403;
  }

  @Test
  void respectsQuotaOfRunningJobs() throws Exception {
    var model = "{" + LAYERS + "}";
    var first = created("red", "/api/v1/jobs", job(model, 100_000_000));
    var second = created("red", "/api/v1/jobs", job(model, 100_000_000));
    var other = created("blue", "/api/v1/jobs", job(model, 100_000_000));
    // A worker was free for the second one all the time.
    await(first, "running");
    await(other, "running");
    assertThat(get(second, "red").body()).contains("\"status\":\"queued\"");
    post(first + "/cancel", "", "red");
    await(second, "running");
    post(second + "/cancel", "", "red");
    post(other + "/cancel", "", "blue");
    await(second, "cancelled");
    await(other, "cancelled");
  }

  @Test
  void refusalNamesExceededQuota() throws Exception {
    var model = "{" + LAYERS + "}";
    exceeded(post("/api/v1/jobs", job(model, 101), "small"), "spikewise.quotas.epochs");
    created("small", "/api/v1/jobs", job(model, 40));
    exceeded(post("/api/v1/jobs", job(model, 61), "small"), "spikewise.quotas.epochs");
    created("small", "/api/v1/jobs", job(model, 60));
    exceeded(post("/api/v1/jobs", job(model, 1), "small"), "spikewise.quotas.jobs-queued");
    exceeded(upload("small", 6000), "spikewise.quotas.stored-bytes");
    // The exhausted quota of one tenant does not affect others.
    created("blue", "/api/v1/models", model());
  }

  private static void exceeded(HttpResponse<String> answer, String setting) {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(429);
    assertThat(answer.body()).contains("\"code\":\"quota_exceeded\"", setting);
  }

  @Test
  void auditLogNamesCallerAndContainsNoSecret(CapturedOutput output) throws Exception {
    var made = created("red", "/api/v1/jobs", job("{" + LAYERS + "}", 1));
    await(made, "succeeded");
    var refused = send("POST", "/api/v1/models", model(), "X-API-Key", "guessed-key");
    assertThat(refused.statusCode()).isEqualTo(401);
    var basic = "Basic " + Base64.getEncoder().encodeToString(":blue-key".getBytes());
    assertThat(send("GET", "/actuator/info", "", "Authorization", basic).statusCode())
        .isEqualTo(403);
    var bearer = token(ISSUER.claims("READ").claim("team", "red").subject("reader"));
    assertThat(send("DELETE", made, "", bearer).statusCode()).isEqualTo(403);
    var hook = post("/api/v1/webhooks", "{\"url\": \"http://127.0.0.1:1/\"}", "red");
    var secret = hook.body().replaceAll(".*\"secret\":\"([^\"]+)\".*", "$1");
    assertThat(secret).startsWith("whsec_");

    assertThat(output)
        .contains(
            "POST " + made + " by red of red from 127.0.0.1: 202",
            "POST /api/v1/models by anonymous from 127.0.0.1: 401",
            "GET /actuator/info by blue of blue from 127.0.0.1: 403",
            "DELETE " + made + " by reader of red from 127.0.0.1: 403");
    var told =
        output.getAll()
            + refused.body()
            + get(made, "red").body()
            + get("/actuator/prometheus", "operator").body()
            + get("/api/v1/webhooks", "red").body();
    assertThat(told)
        .doesNotContain("guessed-key", basic.substring(6), bearer[1].substring(7), secret)
        .doesNotContain("red-key", "blue-key", "operator-key");
  }

  private static Date minutesAgo(int minutes) {
    return Date.from(Instant.now().minus(Duration.ofMinutes(minutes)));
  }

  private static String[] token(JWTClaimsSet.Builder claims) {
    return new String[] {"Authorization", "Bearer " + ISSUER.sign(claims)};
  }

  private static String[] key(String name) {
    return new String[] {"X-API-Key", name + "-key"};
  }

  private static String model() {
    return "{" + LAYERS + "}";
  }

  private static String job(String model, int epochs) {
    return "{\"model\": " + model + ", \"epochs\": " + epochs + "}";
  }

  private static String id(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  private String created(String who, String path, String body) throws Exception {
    var answer = post(path, body, who);
    assertThat(answer.statusCode()).as(answer.body()).isBetween(201, 202);
    return answer.headers().firstValue("Location").orElseThrow();
  }

  private void await(String job, String status) throws Exception {
    var deadline = Instant.now().plusSeconds(60);
    while (true) {
      var now = get(job, "operator").body();
      if (now.contains("\"status\":\"" + status + "\"")) {
        return;
      }
      assertThat(Instant.now()).as(now).isBefore(deadline);
      Thread.sleep(50);
    }
  }

  private HttpResponse<String> get(String path, String who) throws Exception {
    return send("GET", path, "", key(who));
  }

  private HttpResponse<String> post(String path, String body, String who) throws Exception {
    return send("POST", path, body, key(who));
  }

  /** One white image of class 0 with the given number of pixels. */
  private HttpResponse<String> upload(String who, int pixels) throws Exception {
    var images = "\0\0\10\3\0\0\0\1\0\0\0\1\0\0" + (char) (pixels >> 8) + (char) (pixels & 0xff);
    var labels = "\0\0\10\1\0\0\0\1\0";
    var body =
        "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nn\r\n"
            + part("images", images + "\1".repeat(pixels))
            + part("labels", labels)
            + "--b--\r\n";
    return send(
        "POST",
        "/api/v1/datasets",
        body,
        "X-API-Key",
        who + "-key",
        "Content-Type",
        "multipart/form-data; boundary=b");
  }

  private static String part(String name, String content) {
    return "--b\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"f\"\r\n\r\n%s\r\n"
        .formatted(name, content);
  }

  private HttpResponse<String> send(String method, String path, String body, String... headers)
      throws Exception {
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .method(method, BodyPublishers.ofString(body, StandardCharsets.ISO_8859_1))
            .setHeader("Content-Type", "application/json");
    for (int i = 0; i < headers.length; i += 2) {
      request.setHeader(headers[i], headers[i + 1]);
    }
    return client.send(request.build(), BodyHandlers.ofString());
  }
}
