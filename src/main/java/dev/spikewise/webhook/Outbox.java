package dev.spikewise.webhook;

import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;
import org.springframework.transaction.annotation.Transactional;

/** Queue of pending deliveries. Each is attempted by one process at a time. */
@Repository
class Outbox {

  private final JdbcClient jdbc;
  private final WebhookSettings settings;

  Outbox(JdbcClient jdbc, WebhookSettings settings) {
    this.jdbc = jdbc;
    this.settings = settings;
  }

  /**
   * A delivery to attempt now.
   *
   * @param attempt number of the attempt, starting from 1
   */
  record Due(UUID id, UUID webhookId, String body, int attempt, String url, String secret) {}

  /**
   * Takes the delivery that has been due longest. The next attempt is scheduled before this one is
   * made, so that a crash of the process costs one attempt but loses no event.
   */
  @Transactional
  Optional<Due> take() {
    var id =
        jdbc.sql(
                """
                select id from webhook_delivery where status = 'PENDING' and next_attempt_at <= current_timestamp
                order by next_attempt_at limit 1 for update skip locked\
                """)
            .query(UUID.class)
            .optional();
    id.ifPresent(
        due ->
            jdbc.sql(
                    "update webhook_delivery set attempts = attempts + 1, next_attempt_at = ? where"
                        + " id = ?")
                .params(now().plus(settings.timeout().multipliedBy(3)), due)
                .update());
    return id.flatMap(
        due ->
            jdbc.sql(
                    """
                    select d.id, d.webhook_id, d.body, d.attempts as attempt, w.url, w.secret
                    from webhook_delivery d join webhook w on w.id = d.webhook_id where d.id = ?\
                    """)
                .param(due)
                .query(Due.class)
                .optional());
  }

  /** Records the outcome of an attempt and schedules the next one. */
  @Transactional
  Delivery.Status attempted(Due due, @Nullable Integer responseStatus, @Nullable String error) {
    var status = status(due.attempt(), responseStatus);
    var wait =
        status == Delivery.Status.PENDING
            ? settings.retries().get(due.attempt() - 1)
            : Duration.ZERO;
    jdbc.sql(
            """
            update webhook_delivery set status = :status, next_attempt_at = :next, response_status = :response, error = :error
            where id = :id\
            """)
        .param("status", status.name())
        .param("next", now().plus(wait))
        .param("response", responseStatus)
        .param("error", error == null || error.length() <= 500 ? error : error.substring(0, 500))
        .param("id", due.id())
        .update();
    return status;
  }

  private Delivery.Status status(int attempt, @Nullable Integer responseStatus) {
    if (responseStatus != null && responseStatus / 100 == 2) {
      return Delivery.Status.DELIVERED;
    }
    boolean gone = responseStatus != null && responseStatus == 410;
    return gone || attempt > settings.retries().size()
        ? Delivery.Status.FAILED
        : Delivery.Status.PENDING;
  }

  /** Deletes finished deliveries after the retention time, and deliveries of deleted webhooks. */
  @Transactional
  void prune() {
    jdbc.sql(
            """
            delete from webhook_delivery where status <> 'PENDING' and created_at < ?
            or webhook_id not in (select id from webhook)\
            """)
        .param(now().minus(settings.kept()))
        .update();
  }

  private OffsetDateTime now() {
    return jdbc.sql("select current_timestamp").query(OffsetDateTime.class).single();
  }
}
