package dev.spikewise.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest.BodyPublishers;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.test.context.TestPropertySource;

/** The service below a path, behind a proxy that adds another, called by a page of an origin. */
@TestPropertySource(
    properties = {
      "spring.datasource.url=jdbc:h2:mem:subpath;DB_CLOSE_DELAY=-1",
      "server.servlet.context-path=/snn",
      "server.forward-headers-strategy=framework",
      "spikewise.http.cors-origins=https://lab.example.org"
    })
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
class SubPathTest extends ServiceTest {

  private static final String JOB =
      """
      {"epochs": 1, "model": {"input_shape": [2], "layers": [{"type": "Linear", "out_features": 2},
       {"type": "IAF"}]}}\
      """;
  private static final Pattern ADDRESS =
      Pattern.compile("(?:href|src|action|data-live)=\"(/[^\"]*)\"");

  @Test
  void linksAndLocationsAreBelowThePath() throws InterruptedException {
    var created = post("/snn/api/v1/jobs", JOB);
    assertThat(created.statusCode()).as(created.body()).isEqualTo(202);
    var location = created.headers().firstValue("Location").orElseThrow();
    assertThat(location).startsWith("/snn/api/v1/jobs/");
    await(location, "succeeded");
    for (var link : body(get(location)).get("links")) {
      assertThat(get(link.asString()).statusCode()).as(link.asString()).isEqualTo(200);
    }
    for (var path : List.of("/snn/", location.replace("/api/v1", ""), "/snn/sweeps", "/snn/new")) {
      var page = get(path);
      assertThat(page.statusCode()).as(page.body()).isEqualTo(200);
      var addresses = addresses(page.body());
      assertThat(addresses).isNotEmpty().allMatch(address -> address.startsWith("/snn/"));
      for (var address : addresses) {
        if (!address.contains("/events")) {
          assertThat(get(address).statusCode()).as(address).isIn(200, 302);
        }
      }
    }
    assertThat(problem(get("/snn/api/v1/jobs/x"), 404, "not_found").get("instance").asString())
        .isEqualTo("/snn/api/v1/jobs/x");
    assertThat(body(get("/snn/v3/api-docs")).at("/servers/0/url").asString()).isEqualTo("/snn");
  }

  private static List<String> addresses(String page) {
    var addresses = new ArrayList<String>();
    var found = ADDRESS.matcher(page);
    while (found.find()) {
      addresses.add(found.group(1).replace("&amp;", "&"));
    }
    return addresses;
  }

  @Test
  void prefixOfProxyPrecedesContextPath() {
    String[] proxy = {"X-Forwarded-Prefix", "/lab", "X-Forwarded-Host", "localhost"};
    var created = post("/snn/api/v1/jobs", JOB, proxy);
    assertThat(created.statusCode()).as(created.body()).isEqualTo(202);
    assertThat(created.headers().firstValue("Location").orElseThrow())
        .contains("/lab/api/v1/jobs/")
        .doesNotContain("/snn");
    assertThat(body(created).at("/links/self").asString()).startsWith("/lab/api/v1/jobs/");
    var page = send("GET", "/snn/", BodyPublishers.noBody(), proxy);
    assertThat(addresses(page.body()))
        .isNotEmpty()
        .allMatch(address -> address.startsWith("/lab/"));
  }

  @Test
  void onlyPagesOfTheListedOriginsCallTheApi() {
    var allowed = "https://lab.example.org";
    var read = send("GET", "/snn/api/v1/jobs", BodyPublishers.noBody(), "Origin", allowed);
    assertThat(read.headers().firstValue("Access-Control-Allow-Origin")).contains(allowed);
    assertThat(read.headers().firstValue("Access-Control-Expose-Headers").orElseThrow())
        .contains("ETag");
    var written = post("/snn/api/v1/jobs", JOB, "Origin", allowed, "Sec-Fetch-Site", "cross-site");
    assertThat(written.statusCode()).as(written.body()).isEqualTo(202);
    var asked =
        send(
            "OPTIONS",
            "/snn/api/v1/jobs",
            BodyPublishers.noBody(),
            "Origin",
            allowed,
            "Access-Control-Request-Method",
            "POST",
            "Access-Control-Request-Headers",
            "content-type,x-api-key");
    assertThat(asked.statusCode()).isEqualTo(200);
    assertThat(asked.headers().firstValue("Access-Control-Allow-Methods").orElseThrow())
        .contains("POST");

    var other = "https://evil.example.org";
    assertThat(
            send("GET", "/snn/api/v1/jobs", BodyPublishers.noBody(), "Origin", other)
                .headers()
                .firstValue("Access-Control-Allow-Origin"))
        .isEmpty();
    problem(post("/snn/api/v1/jobs", JOB, "Origin", other), 403, "forbidden");
    problem(
        send(
            "OPTIONS",
            "/snn/api/v1/jobs",
            BodyPublishers.noBody(),
            "Origin",
            other,
            "Access-Control-Request-Method",
            "POST"),
        403,
        "forbidden");
  }
}
