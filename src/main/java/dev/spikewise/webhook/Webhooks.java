package dev.spikewise.webhook;

import dev.spikewise.job.Job;
import dev.spikewise.job.JobEvent;
import dev.spikewise.job.JobState;
import dev.spikewise.job.Reason;
import dev.spikewise.job.Verdict;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.spec.Page;
import dev.spikewise.tenant.Tenants;
import java.net.URI;
import java.net.UnknownHostException;
import java.security.SecureRandom;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.context.event.EventListener;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import tools.jackson.databind.json.JsonMapper;

/** Operations on webhooks and their deliveries. */
@Service
public class Webhooks {

  private static final String SELECT =
      "select id, url, events, created_at, number, tenant from webhook ";

  private final SecureRandom random = new SecureRandom();
  private final JdbcClient jdbc;
  private final JsonMapper json;
  private final PublicAddresses addresses;
  private final Tenants tenants;

  Webhooks(JdbcClient jdbc, JsonMapper json, PublicAddresses addresses, Tenants tenants) {
    this.jdbc = jdbc;
    this.json = json;
    this.addresses = addresses;
    this.tenants = tenants;
  }

  private record Row<T>(T content, long number, String tenant) {}

  /**
   * Creates a webhook, which receives all later events.
   *
   * @throws InvalidSpecException when its URL resolves to an address that webhooks may not reach
   */
  @Transactional
  public Webhook create(Webhook.Definition definition) {
    refusePrivate(definition.url());
    var id = UUID.randomUUID();
    jdbc.sql(
            """
            insert into webhook (id, tenant, url, events, secret, created_at)
            values (?, ?, ?, ?, ?, current_timestamp)\
            """)
        .params(
            id,
            tenants.owner(),
            definition.url(),
            String.join(",", definition.events()),
            definition.secret() == null ? drawSecret() : definition.secret())
        .update();
    var stored = get(id);
    return new Webhook(id, stored.url(), stored.events(), secret(id), stored.createdAt());
  }

  private void refusePrivate(String url) {
    try {
      addresses.resolve(URI.create(url).getHost());
    } catch (PublicAddresses.NotPublicException e) {
      throw new InvalidSpecException("/url", String.valueOf(e.getMessage()));
    } catch (UnknownHostException e) {
      // The host name may become resolvable later; until then the deliveries report the error.
      return;
    }
  }

  private String drawSecret() {
    var bytes = new byte[32];
    random.nextBytes(bytes);
    return Webhook.SECRET_PREFIX + Base64.getEncoder().encodeToString(bytes);
  }

  private String secret(UUID id) {
    return jdbc.sql("select secret from webhook where id = ?")
        .param(id)
        .query(String.class)
        .single();
  }

  /** Lists entries created before the one with {@code number}, newest first. */
  @Transactional(readOnly = true)
  public Page<Webhook> list(int limit, long number) {
    var rows =
        jdbc.sql(SELECT + "where number < ? and (? or tenant = ?) order by number desc limit ?")
            .params(number, tenants.seeAll(), tenants.owner(), limit + 1)
            .query(Webhooks::webhook)
            .list();
    return Page.of(rows, limit, Row::content, Row::number);
  }

  @Transactional(readOnly = true)
  public Webhook get(UUID id) {
    return jdbc.sql(SELECT + "where id = ?")
        .param(id)
        .query(Webhooks::webhook)
        .optional()
        .filter(row -> tenants.sees(row.tenant()))
        .orElseThrow(() -> ProblemException.notFound("webhook", id.toString()))
        .content();
  }

  private static Row<Webhook> webhook(ResultSet row, int index) throws SQLException {
    return new Row<>(
        new Webhook(
            row.getObject("id", UUID.class),
            row.getString("url"),
            List.of(row.getString("events").split(",")),
            null,
            row.getObject("created_at", OffsetDateTime.class).toInstant()),
        row.getLong("number"),
        row.getString("tenant"));
  }

  /** Deletes a webhook and its pending deliveries. */
  @Transactional
  public void delete(UUID id) {
    get(id);
    jdbc.sql("delete from webhook_delivery where webhook_id = ?").param(id).update();
    jdbc.sql("delete from webhook where id = ?").param(id).update();
  }

  /** Lists entries created before the one with {@code number}, newest first. */
  @Transactional(readOnly = true)
  public Page<Delivery> deliveries(UUID id, int limit, long number) {
    get(id);
    var rows =
        jdbc.sql(
                "select * from webhook_delivery where webhook_id = ? and number < ? order by number"
                    + " desc limit ?")
            .params(id, number, limit + 1)
            .query(Webhooks::delivery)
            .list();
    return Page.of(rows, limit, Row::content, Row::number);
  }

  private static Row<Delivery> delivery(ResultSet row, int index) throws SQLException {
    var status = Delivery.Status.valueOf(row.getString("status"));
    return new Row<>(
        new Delivery(
            row.getObject("id", UUID.class),
            row.getString("event"),
            status,
            row.getInt("attempts"),
            status == Delivery.Status.PENDING
                ? row.getObject("next_attempt_at", OffsetDateTime.class).toInstant()
                : null,
            row.getObject("response_status", Integer.class),
            row.getString("error"),
            row.getObject("created_at", OffsetDateTime.class).toInstant()),
        row.getLong("number"),
        "");
  }

  /** Body of a delivery in the format of Standard Webhooks. */
  record Message(String type, Instant timestamp, Content data) {}

  /** The part of a job that a delivery contains; {@code GET /jobs/id} returns the whole job. */
  record Content(
      UUID id,
      @Nullable String name,
      JobState status,
      @Nullable Reason reason,
      int attempt,
      Map<String, String> labels,
      Job.Progress progress,
      @Nullable Double synops,
      @Nullable Double targetSynops,
      @Nullable Verdict verdict,
      Job.@Nullable Problem error) {

    static Content of(Job job) {
      return new Content(
          job.id(),
          job.name(),
          job.status(),
          job.reason(),
          job.attempt(),
          job.labels(),
          job.progress(),
          job.latest() == null ? null : (Double) job.latest().synops(),
          job.targetSynops(),
          job.verdict(),
          job.error());
    }
  }

  /** Runs within the transaction of the state change, so that both are stored or neither. */
  @EventListener
  void on(JobEvent.StateChanged change) {
    var event = Webhook.event(change.job().status());
    var receivers =
        jdbc
            // Webhooks of operators receive the events of all tenants.
            .sql(SELECT + "where tenant in ('', (select tenant from job where id = ?))")
            .param(change.job().id())
            .query(Webhooks::webhook)
            .list()
            .stream()
            .map(Row::content)
            .filter(webhook -> webhook.events().contains(event))
            .toList();
    if (receivers.isEmpty()) {
      return;
    }
    var now = jdbc.sql("select current_timestamp").query(OffsetDateTime.class).single();
    var body =
        json.writeValueAsString(new Message(event, now.toInstant(), Content.of(change.job())));
    for (var receiver : receivers) {
      jdbc.sql(
              """
              insert into webhook_delivery (id, webhook_id, event, body, status, attempts, next_attempt_at, created_at)
              values (?, ?, ?, ?, ?, 0, ?, ?)\
              """)
          .params(
              UUID.randomUUID(),
              receiver.id(),
              event,
              body,
              Delivery.Status.PENDING.name(),
              now,
              now)
          .update();
    }
  }
}
