package dev.spikewise.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.spikewise.SpikewiseApplication;
import dev.spikewise.job.Jobs;
import dev.spikewise.spec.TrainingSpec;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Predicate;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Real processes' worth of service, on a database that outlives them, and a real receiver. */
class WebhooksTest {

  private static final JsonMapper JSON = JsonMapper.shared();
  private static final String SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

  @TempDir Path directory;
  private final HttpClient client = HttpClient.newHttpClient();
  private final Queue<Integer> answers = new ConcurrentLinkedQueue<>();
  private final List<Received> received = Collections.synchronizedList(new ArrayList<>());
  private HttpServer receiver;

  private record Received(String path, String id, String timestamp, String signature, String body) {
    boolean isSignedWith(String secret) throws Exception {
      var mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.substring(6)), "HmacSHA256"));
      var signed =
          mac.doFinal((id + "." + timestamp + "." + body).getBytes(StandardCharsets.UTF_8));
      return signature.equals("v1," + Base64.getEncoder().encodeToString(signed));
    }
  }

  @AfterEach
  void stopReceiver() {
    if (receiver != null) {
      receiver.stop(0);
    }
  }

  /** Answers with the next of {@code answers}, or else with 204. */
  private int receive(int port) throws IOException {
    receiver = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    receiver.createContext(
        "/",
        exchange -> {
          var headers = exchange.getRequestHeaders();
          received.add(
              new Received(
                  exchange.getRequestURI().getPath(),
                  headers.getFirst("webhook-id"),
                  headers.getFirst("webhook-timestamp"),
                  headers.getFirst("webhook-signature"),
                  new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
          var answer = answers.poll();
          exchange.getResponseHeaders().set("Location", "/elsewhere");
          exchange.sendResponseHeaders(answer == null ? 204 : answer, -1);
          exchange.close();
        });
    receiver.start();
    return receiver.getAddress().getPort();
  }

  private ConfigurableApplicationContext service(boolean allowPrivate, String retries) {
    return SpringApplication.run(
        SpikewiseApplication.class,
        "--server.port=0",
        "--spikewise.data-dir=" + directory,
        "--spikewise.webhooks.allow-private=" + allowPrivate,
        "--spikewise.webhooks.poll=50ms",
        "--spikewise.webhooks.timeout=1s",
        "--spikewise.webhooks.retries=" + retries);
  }

  private JsonNode call(ConfigurableApplicationContext service, String path, String body)
      throws Exception {
    var port = service.getEnvironment().getRequiredProperty("local.server.port");
    var uri = URI.create("http://127.0.0.1:" + port + "/api/v1/webhooks" + path);
    var request = HttpRequest.newBuilder(uri).header("Content-Type", "application/json");
    if (body != null) {
      request.POST(BodyPublishers.ofString(body));
    }
    return JSON.readTree(client.send(request.build(), BodyHandlers.ofString()).body());
  }

  private JsonNode addReceiver(ConfigurableApplicationContext service, int port) throws Exception {
    var webhook =
        call(
            service,
            "",
            "{\"url\": \"http://localhost:%d/hook\", \"events\": [\"job.succeeded\"], \"secret\": \"%s\"}"
                .formatted(port, SECRET));
    assertThat(webhook.at("/secret").asString()).as("%s", webhook).isEqualTo(SECRET);
    return webhook;
  }

  private static UUID train(ConfigurableApplicationContext service) {
    var spec =
        service
            .getBean(JsonMapper.class)
            .readValue(
                """
                {"name": "told", "model": {"input_shape": [4], "layers": [{"type": "Linear", "out_features": 50}, {"type": "IAF"}]},
                 "batch_size": 1, "time_steps": 8, "epochs": 2, "seed": 1}\
                """,
                TrainingSpec.class);
    return service.getBean(Jobs.class).submit(spec).id();
  }

  private JsonNode awaitDelivery(
      ConfigurableApplicationContext service, JsonNode webhook, Predicate<JsonNode> until)
      throws Exception {
    var deadline = Instant.now().plusSeconds(30);
    while (true) {
      var page = call(service, "/" + webhook.get("id").asString() + "/deliveries", null);
      var delivery = page.at("/data/0");
      if (!delivery.isMissingNode() && until.test(delivery)) {
        return delivery;
      }
      assertThat(Instant.now())
          .as(
              "%s %s",
              page,
              service
                  .getBean(Jobs.class)
                  .list(new Jobs.Filter(List.of(), Map.of(), null), 1, Long.MAX_VALUE))
          .isBefore(deadline);
      Thread.sleep(50);
    }
  }

  private static Predicate<JsonNode> status(String status) {
    return delivery -> delivery.get("status").asString().equals(status);
  }

  @Test
  void retriesSignedEventUntilAccepted() throws Exception {
    answers.addAll(List.of(500, 302));
    int port = receive(0);
    try (var service = service(true, "50ms,50ms,50ms")) {
      var webhook = addReceiver(service, port);
      var job = train(service);
      var delivery = awaitDelivery(service, webhook, status("delivered"));

      assertThat(delivery.get("attempts").asInt()).isEqualTo(3);
      assertThat(received).extracting(Received::path).containsOnly("/hook").hasSize(3);
      assertThat(received).extracting(Received::id).containsOnly(delivery.get("id").asString());
      assertThat(received).extracting(Received::body).containsOnly(received.getFirst().body());
      for (var request : received) {
        assertThat(request.isSignedWith(SECRET)).as("%s", request).isTrue();
      }
      var message = JSON.readTree(received.getFirst().body());
      assertThat(message.get("type").asString()).isEqualTo("job.succeeded");
      assertThat(message.at("/data/id").asString()).isEqualTo(job.toString());
      assertThat(message.at("/data/progress/epoch").asInt()).isEqualTo(2);
      assertThat(call(service, "/" + webhook.get("id").asString(), null).has("secret")).isFalse();

      answers.add(410);
      train(service);
      assertThat(awaitDelivery(service, webhook, status("failed")).get("response_status").asInt())
          .isEqualTo(410);
    }
  }

  @Test
  void deliverySurvivesRestartAndAvoidsPrivateAddresses() throws Exception {
    int port = receive(0);
    receiver.stop(0);
    JsonNode webhook;
    try (var service = service(true, "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s")) {
      webhook = addReceiver(service, port);
      train(service);
      awaitDelivery(
          service, webhook, delivery -> delivery.get("error").asString("").contains("refused"));
    }
    receive(port);
    try (var service = service(false, "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s")) {
      awaitDelivery(
          service,
          webhook,
          delivery -> delivery.get("error").asString("").contains("not a public address"));
    }
    assertThat(received).isEmpty();
    try (var service = service(true, "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s")) {
      awaitDelivery(service, webhook, status("delivered"));
    }
    assertThat(received).hasSize(1);
  }

  @Test
  void signatureFollowsStandardWebhooks() {
    assertThat(
            Dispatcher.sign(
                SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}"))
        .isEqualTo("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  }

  @ParameterizedTest
  @CsvSource({
    "8.8.8.8, true",
    "8.8.4.4, true",
    "192.0.2.1, false",
    "192.88.99.1, false",
    "198.51.100.7, false",
    "203.0.113.7, false",
    "2001:db8::1, false",
    "3fff:fff::1, false",
    "2606:4700::1111, true",
    "127.0.0.1, false",
    "0.0.0.0, false",
    "0.1.2.3, false",
    "10.1.2.3, false",
    "100.64.0.1, false",
    "169.254.169.254, false",
    "172.16.0.1, false",
    "192.168.1.1, false",
    "198.18.0.1, false",
    "224.0.0.1, false",
    "255.255.255.255, false",
    "::1, false",
    "::ffff:127.0.0.1, false",
    "fd00::1, false",
    "fe80::1, false",
    "64:ff9b::a00:1, false",
    "2001::1, false",
    "2002:a00:1::1, false"
  })
  void addressesOfPrivateNetworksAreKnown(String address, boolean isPublic) throws Exception {
    assertThat(PublicAddresses.isPublic(InetAddress.getByName(address))).isEqualTo(isPublic);
  }
}
