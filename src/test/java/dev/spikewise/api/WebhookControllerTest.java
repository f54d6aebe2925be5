package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WebhookControllerTest extends ServiceTest {

  private static final String WEBHOOKS = "/api/v1/webhooks";

  @Test
  void createsListsAndDeletesWebhook() {
    var created = post(WEBHOOKS, "{\"url\": \"https://93.184.215.14/hook\"}");
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    assertThat(body(created).get("secret").asString()).matches("whsec_[A-Za-z0-9+/]{43}=");
    assertThat(body(created).get("events").toString())
        .isEqualTo("[\"job.cancelled\",\"job.succeeded\",\"job.failed\"]");
    var path = created.headers().firstValue("Location").orElseThrow();
    assertThat(body(get(path)).get("url").asString()).isEqualTo("https://93.184.215.14/hook");
    assertThat(get(WEBHOOKS).body()).contains(path.substring(path.lastIndexOf('/') + 1));
    assertThat(get(WEBHOOKS).body()).doesNotContain("whsec_");
    assertThat(delete(path).statusCode()).isEqualTo(204);
    problem(get(path), 404, "not_found");
    problem(get(path + "/deliveries"), 404, "not_found");
  }

  @Test
  void allMistakesAreNamed() {
    var problem =
        problem(
            post(
                WEBHOOKS,
                "{\"url\": \"ftp://a\", \"events\": [\"job.lost\"], \"secret\": \"guess\"}"),
            422,
            "invalid_spec");
    assertThat(problem.get("errors").findValuesAsString("pointer"))
        .containsExactly("/url", "/events/0", "/secret");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://8.8.8.8:0/",
        "http://8.8.8.8:99999/",
        "http://8.8.8.8:/",
        "http://0x08080808/",
        "http://0x8.0x8.0x8.0x8/",
        "http://010.8.8.8/",
        "http://134744072/",
        "http://8.8.2056/",
        "http://8.8.8.8./",
        "http://8.8.8.08/",
        "http://192.0.2.1/",
        "http://203.0.113.9/",
        "http://198.51.100.1/",
        "http://240.0.0.1/",
        "http://[2001:db8::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::a00:1]/",
        "http://2852039166/"
      })
  void refusesAddressThatCannotBeReached(String url) {
    var problem = problem(post(WEBHOOKS, "{\"url\": \"" + url + "\"}"), 422, "invalid_spec");
    assertThat(problem.get("errors").findValuesAsString("pointer")).containsExactly("/url");
  }

  @Test
  void doesNotKeepTheSecretForARepeat() {
    var definition = "{\"url\": \"https://93.184.215.14/hook\"}";
    var first = post(WEBHOOKS, definition, "Idempotency-Key", "hook");
    var again = post(WEBHOOKS, definition, "Idempotency-Key", "hook");
    assertThat(body(first).get("secret").asString()).startsWith("whsec_");
    assertThat(again.statusCode()).isEqualTo(201);
    assertThat(again.headers().firstValue("Idempotency-Replayed")).contains("true");
    assertThat(body(again).has("secret")).isFalse();
    assertThat(body(again).get("id")).isEqualTo(body(first).get("id"));
    delete(first.headers().firstValue("Location").orElseThrow());
  }

  @Test
  void rejectsPrivateAddress() {
    for (var url : new String[] {"http://127.0.0.1:8080/", "http://localhost/", "http://[::1]/"}) {
      var problem = problem(post(WEBHOOKS, "{\"url\": \"" + url + "\"}"), 422, "invalid_spec");
      assertThat(problem.get("detail").asString())
          .contains("/url", "not a public address", "spikewise.webhooks.allow-private");
    }
  }
}
