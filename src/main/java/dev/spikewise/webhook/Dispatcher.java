package dev.spikewise.webhook;

import dev.spikewise.job.JobEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.Base64;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.apache.hc.client5.http.classic.methods.HttpPost;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.io.entity.StringEntity;
import org.apache.hc.core5.util.Timeout;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;
import org.springframework.transaction.event.TransactionalEventListener;

/**
 * Sends due deliveries, signed according to <a
 * href="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md">Standard
 * Webhooks</a>. A redirect counts as a failure, because it could lead to any address.
 */
@Component
class Dispatcher implements SmartLifecycle, DisposableBean {

  private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);
  private static final int MAX_CONCURRENT = 16;

  private final Outbox outbox;
  private final WebhookSettings settings;
  private final ApplicationEventPublisher publisher;
  private final CloseableHttpClient client;
  private final Semaphore wakeUps = new Semaphore(0);
  private final Semaphore permits = new Semaphore(MAX_CONCURRENT);
  private final ExecutorService attempts = Executors.newVirtualThreadPerTaskExecutor();
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("webhook-clock").daemon().factory());
  private volatile @Nullable Thread loop;

  Dispatcher(
      Outbox outbox,
      WebhookSettings settings,
      PublicAddresses addresses,
      ApplicationEventPublisher publisher) {
    this.outbox = outbox;
    this.settings = settings;
    this.publisher = publisher;
    var timeout = Timeout.of(settings.timeout());
    this.client =
        HttpClients.custom()
            .setConnectionManager(
                PoolingHttpClientConnectionManagerBuilder.create()
                    .setDnsResolver(addresses)
                    .setDefaultConnectionConfig(
                        ConnectionConfig.custom().setConnectTimeout(timeout).build())
                    .setMaxConnTotal(MAX_CONCURRENT)
                    .setMaxConnPerRoute(MAX_CONCURRENT)
                    .build())
            .setDefaultRequestConfig(RequestConfig.custom().setResponseTimeout(timeout).build())
            .setUserAgent("Spikewise")
            .disableRedirectHandling()
            .disableAutomaticRetries()
            .disableCookieManagement()
            .build();
    var _ = clock.scheduleWithFixedDelay(this::prune, 1, 60, TimeUnit.MINUTES);
  }

  private void prune() {
    if (loop != null) {
      outbox.prune();
    }
  }

  @Override
  public void start() {
    var started = Thread.ofVirtual().name("webhooks").unstarted(this::dispatch);
    loop = started;
    started.start();
  }

  private void dispatch() {
    while (Thread.currentThread() == loop) {
      try {
        if (!permits.tryAcquire(settings.poll().toMillis(), TimeUnit.MILLISECONDS)) {
          continue;
        }
        var due = outbox.take();
        if (due.isPresent()) {
          attempts.execute(() -> attempt(due.get()));
        } else {
          permits.release();
          if (wakeUps.tryAcquire(settings.poll().toMillis(), TimeUnit.MILLISECONDS)) {
            wakeUps.drainPermits();
          }
        }
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException e) {
        permits.release();
        LOG.warn("Pending webhook deliveries could not be sent: {}", e.toString());
        pause();
      }
    }
  }

  private void pause() {
    try {
      Thread.sleep(settings.poll());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void attempt(Outbox.Due due) {
    try {
      Integer status = null;
      String error = null;
      try {
        status = send(due);
      } catch (IOException e) {
        if (loop == null) {
          return;
        }
        error = e.toString();
      }
      publisher.publishEvent(new Delivery.Attempted(outbox.attempted(due, status, error)));
    } catch (RuntimeException e) {
      LOG.warn("Webhook delivery {} failed and will be retried: {}", due.id(), e.toString());
    } finally {
      permits.release();
    }
  }

  private int send(Outbox.Due due) throws IOException {
    var id = due.id().toString();
    var timestamp = Long.toString(Instant.now().getEpochSecond());
    var request = new HttpPost(due.url());
    request.setEntity(new StringEntity(due.body(), ContentType.APPLICATION_JSON));
    request.setHeader("webhook-id", id);
    request.setHeader("webhook-timestamp", timestamp);
    request.setHeader("webhook-signature", "v1," + sign(due.secret(), id, timestamp, due.body()));
    // Limits the whole attempt, because a receiver that responds byte by byte would never exceed
    // the socket timeout.
    var end = clock.schedule(request::cancel, settings.timeout().toMillis(), TimeUnit.MILLISECONDS);
    // Closes the response without reading its body, which may be endless.
    try (var response = client.executeOpen(null, request, null)) {
      return response.getCode();
    } finally {
      end.cancel(false);
    }
  }

  static String sign(String secret, String id, String timestamp, String body) {
    try {
      var mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(Webhook.key(secret), "HmacSHA256"));
      var content = id + "." + timestamp + "." + body;
      return Base64.getEncoder()
          .encodeToString(mac.doFinal(content.getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java runtime provides HMAC-SHA256", e);
    }
  }

  @TransactionalEventListener
  void on(JobEvent.StateChanged event) {
    wakeUps.release();
  }

  @Override
  public void stop() {
    loop = null;
    wakeUps.release();
  }

  @Override
  public boolean isRunning() {
    return loop != null;
  }

  /**
   * Aborts the attempts in progress, which are repeated after the next start. Threads are not
   * interrupted, because an interrupt would close H2's file for all threads.
   */
  @Override
  public void destroy() throws IOException {
    client.close();
    attempts.close();
    clock.shutdownNow();
  }
}
