package dev.spikewise.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.jdbc.core.simple.JdbcClient;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** API keys made over the API, beside two configured ones: "operator-key" and "red-admin-key". */
@ExtendWith(OutputCaptureExtension.class)
@SpringBootTest(
    webEnvironment = WebEnvironment.RANDOM_PORT,
    properties = {
      "spring.datasource.url=jdbc:h2:mem:keys;DB_CLOSE_DELAY=-1",
      "spikewise.data-dir=target/keys-data",
      "spikewise.jobs.workers=0",
      // Another test of the same process may have turned it off.
      "logging.level.dev.spikewise.audit=info",
      "spikewise.security.api-keys[0].name=operator",
      "spikewise.security.api-keys[0].role=admin",
      "spikewise.security.api-keys[0].sha256=c9736463f555cdb7d2a78cfd7aa8b8c4f09d906d78f8dab9228eda30a28c2818",
      "spikewise.security.api-keys[1].name=admin",
      "spikewise.security.api-keys[1].role=admin",
      "spikewise.security.api-keys[1].tenant=red",
      "spikewise.security.api-keys[1].sha256=3b1f1d252dc4511be083bb59439c286b8562cd637e67436e1b8dfe8f416164eb"
    })
class KeysTest {

  private static final String KEYS = "/api/v1/keys";
  private static final String MODELS = "/api/v1/models";
  private static final String OPERATOR = "operator-key";
  private static final String RED = "red-admin-key";

  private final HttpClient client = HttpClient.newHttpClient();
  private final JsonMapper json = new JsonMapper();

  @LocalServerPort int port;
  @Autowired JdbcClient database;
  @Autowired SecuritySettings settings;
  @Autowired KnownKeys known;

  @AfterEach
  void endAll() {
    database.sql("delete from api_key").update();
  }

  private HttpResponse<String> send(String method, String path, String key, String body)
      throws IOException, InterruptedException {
    return send(method, path, key, body, "X-Test", "none");
  }

  private HttpResponse<String> send(
      String method, String path, String key, String body, String header, String value)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .method(method, BodyPublishers.ofString(body))
            .header("Content-Type", "application/json")
            .header("X-API-Key", key)
            .header(header, value)
            .build();
    return client.send(request, BodyHandlers.ofString());
  }

  private JsonNode created(String by, String definition) throws IOException, InterruptedException {
    var answer = send("POST", KEYS, by, definition);
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
    return json.readTree(answer.body());
  }

  private int status(String method, String path, String key)
      throws IOException, InterruptedException {
    return send(method, path, key, "").statusCode();
  }

  @Test
  void createdKeyHasItsRoleAndTenantAndOnlyItsHashIsStored(CapturedOutput log) throws Exception {
    var key = created(RED, "{\"name\": \"ci\", \"role\": \"train\"}");
    var secret = key.get("secret").asString();
    assertThat(secret).startsWith("spk_").hasSizeGreaterThan(40);
    assertThat(key.get("tenant").asString()).isEqualTo("red");
    var model = "{\"input_shape\": [4], \"layers\": [{\"type\": \"Linear\", \"out_features\": 2}]}";
    var made = send("POST", MODELS, secret, model);
    assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
    var path = made.headers().firstValue("Location").orElseThrow();
    assertThat(status("GET", path, RED)).as("of its tenant").isEqualTo(200);
    assertThat(status("DELETE", path, secret)).as("not its role").isEqualTo(403);
    assertThat(status("GET", KEYS, secret)).as("for administrators only").isEqualTo(403);
    assertThat(status("GET", KEYS, "none")).isEqualTo(401);

    var listed = send("GET", KEYS, RED, "").body();
    assertThat(listed).doesNotContain(secret, "sha256");
    assertThat(database.sql("select * from api_key").query().listOfRows().toString())
        .contains(Keys.sha256(secret))
        .doesNotContain(secret);
    assertThat(log)
        .contains("POST /api/v1/keys/" + key.get("id").asString() + " by admin of red")
        .contains("POST " + path + " by ci of red")
        .doesNotContain(secret);
  }

  @Test
  void configuredKeysAreListedLastAndSeenByTheirTenant() throws Exception {
    created(RED, "{\"name\": \"one\"}");
    created(OPERATOR, "{\"name\": \"two\", \"role\": \"admin\", \"tenant\": \"blue\"}");
    assertThat(names(OPERATOR, "")).containsExactly("two", "one", "operator", "admin");
    assertThat(names(RED, "")).containsExactly("one", "admin");
    var first = json.readTree(send("GET", KEYS + "?limit=3", OPERATOR, "").body());
    assertThat(first.get("data").get(2).get("source").asString()).isEqualTo("configured");
    assertThat(first.get("data").get(2).get("id").isNull()).isTrue();
    assertThat(names(OPERATOR, "&cursor=" + first.get("next_cursor").asString()))
        .containsExactly("admin");
  }

  private List<String> names(String by, String query) throws IOException, InterruptedException {
    return json.readTree(send("GET", KEYS + "?limit=100" + query, by, "").body())
        .get("data")
        .valueStream()
        .map(key -> key.get("name").asString())
        .toList();
  }

  @Test
  void endedKeyIsRefused() throws Exception {
    var key = created(OPERATOR, "{\"name\": \"short\"}");
    var path = KEYS + "/" + key.get("id").asString();
    var secret = key.get("secret").asString();
    assertThat(status("GET", MODELS, secret)).isEqualTo(200);
    assertThat(status("DELETE", path, RED)).as("of another tenant").isEqualTo(404);
    assertThat(status("DELETE", path, OPERATOR)).isEqualTo(204);
    assertThat(status("GET", MODELS, secret)).isEqualTo(401);
    assertThat(status("GET", path, OPERATOR)).isEqualTo(404);
  }

  @Test
  void endsOnlyTheVersionOfAKeyThatIfMatchNames() throws Exception {
    var key = created(OPERATOR, "{\"name\": \"versioned\"}");
    var path = KEYS + "/" + key.get("id").asString();
    var first = send("GET", path, OPERATOR, "").headers().firstValue("ETag").orElseThrow();
    assertThat(status("POST", path + "/rotate", OPERATOR)).isEqualTo(200);
    var second = send("GET", path, OPERATOR, "").headers().firstValue("ETag").orElseThrow();
    assertThat(second).isNotEqualTo(first);
    assertThat(send("DELETE", path, OPERATOR, "", "If-Match", first).statusCode()).isEqualTo(412);
    assertThat(send("DELETE", path, OPERATOR, "", "If-Match", second).statusCode()).isEqualTo(204);
  }

  @Test
  void rotatedKeyKeepsItsNameAndItsSecretForTheOverlap() throws Exception {
    var key = created(OPERATOR, "{\"name\": \"old\"}");
    var first = key.get("secret").asString();
    var path = KEYS + "/" + key.get("id").asString() + "/rotate";
    var second = json.readTree(send("POST", path, OPERATOR, "{\"overlap_seconds\": 600}").body());
    assertThat(second.get("name").asString()).isEqualTo("old");
    assertThat(Instant.parse(second.get("previous_until").asString())).isAfter(Instant.now());
    assertThat(status("GET", MODELS, first)).isEqualTo(200);
    assertThat(status("GET", MODELS, second.get("secret").asString())).isEqualTo(200);

    var third = json.readTree(send("POST", path, OPERATOR, "").body());
    assertThat(status("GET", MODELS, first)).isEqualTo(401);
    assertThat(status("GET", MODELS, second.get("secret").asString())).isEqualTo(401);
    assertThat(status("GET", MODELS, third.get("secret").asString())).isEqualTo(200);
    assertThat(send("POST", path, OPERATOR, "{\"overlap_seconds\": -1}").body())
        .contains("/overlap_seconds", "must be between 0 and 2592000 but was -1");
  }

  @Test
  void secretIsReturnedOnce() throws Exception {
    var body = "{\"name\": \"once\"}";
    var first = send("POST", KEYS, OPERATOR, body, "Idempotency-Key", "k1");
    var again = send("POST", KEYS, OPERATOR, body, "Idempotency-Key", "k1");
    assertThat(first.body()).contains("\"secret\":\"spk_");
    assertThat(again.statusCode()).isEqualTo(201);
    assertThat(again.body()).doesNotContain("spk_");
  }

  @Test
  void refusesKeysThatCannotBeToldApartOrAreForOthers() throws Exception {
    created(RED, "{\"name\": \"ci\"}");
    for (var name : List.of("ci", "admin")) {
      var refused = send("POST", KEYS, RED, "{\"name\": \"" + name + "\"}");
      assertThat(refused.statusCode()).isEqualTo(409);
      assertThat(refused.body()).contains("already has an API key with the name `" + name + "`");
    }
    created(OPERATOR, "{\"name\": \"ci\"}");
    created(OPERATOR, "{\"name\": \"ci\", \"tenant\": \"blue\"}");
    var foreign = send("POST", KEYS, RED, "{\"name\": \"x\", \"tenant\": \"blue\"}");
    assertThat(foreign.statusCode()).isEqualTo(422);
    assertThat(foreign.body()).contains("/tenant", "the caller's own tenant `red`");
    var past =
        send("POST", KEYS, RED, "{\"name\": \"x\", \"expires_at\": \"2020-01-01T00:00:00Z\"}");
    assertThat(past.body()).contains("/expires_at", "must be in the future");
    assertThat(send("POST", KEYS, RED, "{\"name\": \"x\", \"role\": \"root\"}").statusCode())
        .isBetween(400, 422);
  }

  @Test
  void expiredKeyIsRefused() throws Exception {
    var key = created(OPERATOR, "{\"name\": \"brief\", \"expires_at\": \"2100-01-01T00:00:00Z\"}");
    var secret = key.get("secret").asString();
    assertThat(status("GET", MODELS, secret)).isEqualTo(200);
    database
        .sql("update api_key set expires_at = ?")
        .param(OffsetDateTime.now().minusMinutes(1))
        .update();
    known.on(new Keys.Changed());
    assertThat(status("GET", MODELS, secret)).isEqualTo(401);
  }

  /** As on another replica, which gets no event. */
  @Test
  void changesOnAnotherReplicaTakeEffectWithinSeconds() throws Exception {
    var elsewhere = new KnownKeys(database, settings);
    elsewhere.start();
    try {
      var key = created(OPERATOR, "{\"name\": \"shared\"}");
      var secret = key.get("secret").asString();
      awaitThat(() -> elsewhere.find(secret).isPresent());
      assertThat(status("DELETE", KEYS + "/" + key.get("id").asString(), OPERATOR)).isEqualTo(204);
      awaitThat(() -> elsewhere.find(secret).isEmpty());
    } finally {
      elsewhere.stop();
    }
  }

  private static void awaitThat(BooleanSupplier holds) throws InterruptedException {
    long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (!holds.getAsBoolean()) {
      assertThat(System.nanoTime()).isLessThan(end);
      Thread.sleep(50);
    }
  }

  @Test
  void lastUseIsStoredToTheHour() throws Exception {
    var key = created(OPERATOR, "{\"name\": \"used\"}");
    var path = KEYS + "/" + key.get("id").asString();
    assertThat(json.readTree(send("GET", path, OPERATOR, "").body()).get("last_used_at").isNull())
        .isTrue();
    status("GET", MODELS, key.get("secret").asString());
    known.storeUses();
    var used = json.readTree(send("GET", path, OPERATOR, "").body()).get("last_used_at");
    assertThat(Instant.parse(used.asString())).isAfter(Instant.now().minusSeconds(600));
    status("GET", MODELS, key.get("secret").asString());
    known.storeUses();
    assertThat(json.readTree(send("GET", path, OPERATOR, "").body()).get("last_used_at"))
        .as("one write per hour")
        .isEqualTo(used);
  }

  @Test
  void configuredKeyWithTheNameOfAStoredOneStopsTheStart() throws Exception {
    created(OPERATOR, "{\"name\": \"taken\", \"tenant\": \"green\"}");
    var configured = new SecuritySettings.ApiKey("taken", "0".repeat(64), Role.READ, "green");
    var other = new KnownKeys(database, new SecuritySettings(List.of(configured), null, false));
    assertThatThrownBy(other::start)
        .hasMessageContaining("the key taken has the name of a key in the database");
  }
}
