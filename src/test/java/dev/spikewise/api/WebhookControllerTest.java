package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WebhookControllerTest extends ServiceTest {

  private static final String WEBHOOKS = "/api/v1/webhooks";

  @Test
  void aReceiverIsAddedListedAndDeleted() {
    var created = post(WEBHOOKS, "{\"url\": \"https://192.0.2.1/hook\"}");
    assertThat(created.statusCode()).as(created.body()).isEqualTo(201);
    assertThat(body(created).get("secret").asString()).matches("whsec_[A-Za-z0-9+/]{43}=");
    assertThat(body(created).get("events").toString())
        .isEqualTo("[\"job.cancelled\",\"job.succeeded\",\"job.failed\"]");
    var path = created.headers().firstValue("Location").orElseThrow();
    assertThat(body(get(path)).get("url").asString()).isEqualTo("https://192.0.2.1/hook");
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

  @Test
  void aPrivateAddressIsRefused() {
    for (var url : new String[] {"http://127.0.0.1:8080/", "http://localhost/", "http://[::1]/"}) {
      var problem = problem(post(WEBHOOKS, "{\"url\": \"" + url + "\"}"), 422, "invalid_spec");
      assertThat(problem.get("detail").asString())
          .contains("/url", "not public", "spikewise.webhooks.allow-private");
    }
  }
}
