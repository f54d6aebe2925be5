package dev.spikewise.security;

import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.spec.Page;
import dev.spikewise.store.Database;
import dev.spikewise.store.Sha256;
import dev.spikewise.tenant.Tenants;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ApplicationEventPublisher;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;

/**
 * Operations on API keys. An administrator of a tenant manages the keys of that tenant, an operator
 * those of all. Configured keys are listed but can only be changed in the settings.
 */
@Service
public class Keys {

  private static final String SELECT =
      "select id, number, name, role, tenant, created_at, expires_at, last_used_at, previous_until,"
          + " current_timestamp as now from api_key ";

  private static final String SECRET_PREFIX = "spk_";
  private static final int SECRET_BYTES = 32;

  private final SecureRandom random = new SecureRandom();
  private final JdbcClient jdbc;
  private final SecuritySettings settings;
  private final Tenants tenants;
  private final Database database;
  private final ApplicationEventPublisher publisher;

  Keys(
      JdbcClient jdbc,
      SecuritySettings settings,
      Tenants tenants,
      Database database,
      ApplicationEventPublisher publisher) {
    this.jdbc = jdbc;
    this.settings = settings;
    this.tenants = tenants;
    this.database = database;
    this.publisher = publisher;
  }

  /** Event: a key was created, rotated or ended. Listen after the commit. */
  record Changed() {}

  private record Row(Key key, long number) {

    /** An operator's keys belong to the tenant with the empty name. */
    String tenant() {
      return key.tenant() == null ? "" : key.tenant();
    }
  }

  /**
   * Creates a key with a random secret, which is returned only once.
   *
   * @throws InvalidSpecException when the caller belongs to another tenant
   * @throws ProblemException with CONFLICT when the tenant has a key of this name
   */
  @Transactional
  public Key create(Key.Definition definition) {
    var tenant = definition.tenant() == null ? tenants.owner() : definition.tenant();
    if (!tenants.sees(tenant)) {
      throw new InvalidSpecException(
          "/tenant", "must be the caller's own tenant `%s` or absent".formatted(tenants.owner()));
    }
    if (configured(tenant).stream().anyMatch(key -> key.name().equals(definition.name()))) {
      throw taken(definition.name());
    }
    var id = UUID.randomUUID();
    var secret = drawSecret();
    try {
      jdbc.sql(
              """
              insert into api_key (id, tenant, name, role, sha256, created_at, expires_at)
              values (:id, :tenant, :name, :role, :sha256, :now, :expires)\
              """)
          .param("id", id)
          .param("tenant", tenant)
          .param("name", definition.name())
          .param("role", (definition.role() == null ? Role.READ : definition.role()).name())
          .param("sha256", sha256(secret))
          .param("now", Database.time(database.now()))
          .param(
              "expires",
              definition.expiresAt() == null ? null : Database.time(definition.expiresAt()),
              Types.TIMESTAMP_WITH_TIMEZONE)
          .update();
    } catch (DuplicateKeyException e) {
      throw taken(definition.name());
    }
    publisher.publishEvent(new Changed());
    return get(id).withSecret(secret);
  }

  private static ProblemException taken(String name) {
    return new ProblemException(
        Code.CONFLICT,
        "the tenant already has an API key with the name `%s`: choose another name, or rotate that key"
            .formatted(name));
  }

  private String drawSecret() {
    var bytes = new byte[SECRET_BYTES];
    random.nextBytes(bytes);
    return SECRET_PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /**
   * Gives a key a new secret, which is returned only once. The secret before is accepted as long as
   * the rotation says.
   */
  @Transactional
  public Key rotate(UUID id, Key.Rotation rotation) {
    get(id);
    var secret = drawSecret();
    jdbc.sql(
            """
            update api_key set previous_sha256 = sha256, previous_until = :until, sha256 = :sha256
            where id = :id\
            """)
        .param("until", Database.time(database.now().plusSeconds(rotation.seconds())))
        .param("sha256", sha256(secret))
        .param("id", id)
        .update();
    publisher.publishEvent(new Changed());
    return get(id).withSecret(secret);
  }

  /** Ends a key: requests with it are refused. */
  @Transactional
  public void end(UUID id, IfMatch condition) {
    get(id);
    var secret =
        jdbc.sql("select sha256 from api_key where id = ? for update")
            .param(id)
            .query(String.class)
            .optional();
    secret.ifPresent(hash -> condition.require(version(hash)));
    jdbc.sql("delete from api_key where id = ?").param(id).update();
    publisher.publishEvent(new Changed());
  }

  @Transactional(readOnly = true)
  public Key get(UUID id) {
    return jdbc.sql(SELECT + "where id = ?")
        .param(id)
        .query(Keys::row)
        .optional()
        .filter(row -> tenants.sees(row.tenant()))
        .orElseThrow(() -> ProblemException.notFound("API key", id.toString()))
        .key();
  }

  /** Version of a key, which changes with each rotation. */
  @Transactional(readOnly = true)
  public String version(UUID id) {
    get(id);
    return version(
        jdbc.sql("select sha256 from api_key where id = ?").param(id).query(String.class).single());
  }

  /** Derived from the hash of the secret by another hash, so that it does not reveal that hash. */
  private static String version(String secretSha256) {
    return sha256("version " + secretSha256).substring(0, 16);
  }

  /** Lists keys, newest first; configured ones come last, in the order of the settings. */
  @Transactional(readOnly = true)
  public Page<Key> list(int limit, long before) {
    var rows =
        new ArrayList<>(
            jdbc.sql(SELECT + "where number < ? and (? or tenant = ?) order by number desc limit ?")
                .params(before, tenants.seeAll(), tenants.owner(), limit + 1)
                .query(Keys::row)
                .list());
    var configured = settings.apiKeys();
    for (int i = 0; i < configured.size(); i++) {
      var row = new Row(configured.get(i).view(), -i);
      if (row.number() < before && tenants.sees(row.tenant()) && rows.size() <= limit) {
        rows.add(row);
      }
    }
    return Page.of(rows, limit, Row::key, Row::number);
  }

  private List<SecuritySettings.ApiKey> configured(String tenant) {
    return settings.apiKeys().stream().filter(key -> key.owner().equals(tenant)).toList();
  }

  private static Row row(ResultSet row, int index) throws SQLException {
    var tenant = row.getString("tenant");
    var previousUntil = time(row, "previous_until");
    var now = time(row, "now");
    return new Row(
        new Key(
            row.getObject("id", UUID.class),
            row.getString("name"),
            Role.valueOf(row.getString("role")),
            tenant.isEmpty() ? null : tenant,
            Key.Source.CREATED,
            null,
            time(row, "created_at"),
            time(row, "expires_at"),
            time(row, "last_used_at"),
            previousUntil == null || now == null || previousUntil.isBefore(now)
                ? null
                : previousUntil),
        row.getLong("number"));
  }

  static @Nullable Instant time(ResultSet row, String column) throws SQLException {
    var time = row.getObject(column, OffsetDateTime.class);
    return time == null ? null : time.toInstant();
  }

  /** SHA-256 of a secret in hexadecimal. */
  static String sha256(String secret) {
    return Sha256.hex(secret.getBytes(StandardCharsets.UTF_8));
  }
}
