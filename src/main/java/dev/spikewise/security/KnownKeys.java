package dev.spikewise.security;

import dev.spikewise.store.Ticking;
import dev.spikewise.tenant.Tenants;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.jdbc.core.RowCallbackHandler;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.stereotype.Component;
import org.springframework.transaction.event.TransactionalEventListener;

/**
 * The keys that authenticate requests: the configured ones, and a copy of the stored ones in
 * memory, so that a request reads nothing from the database. The copy is renewed every few seconds,
 * after which a key that another replica has ended is refused here too. An unknown key renews it at
 * once, at most once per second, so that a key created elsewhere is accepted without a delay.
 */
@Component
class KnownKeys extends Ticking {

  private static final Logger LOG = LoggerFactory.getLogger(KnownKeys.class);

  private static final Duration RENEWAL = Duration.ofSeconds(5);
  private static final Duration BETWEEN_MISSES = Duration.ofSeconds(1);

  /** Granularity of the time of the last use: one write per key, replica and hour. */
  private static final Duration USE = Duration.ofHours(1);

  /**
   * A key that authenticates.
   *
   * @param id null for a configured key
   * @param until time after which it is refused; null for never
   */
  record Known(
      @Nullable UUID id,
      String name,
      Role role,
      String tenant,
      @Nullable Instant until,
      @Nullable Instant lastUsedAt) {

    List<GrantedAuthority> authorities() {
      return tenant.isEmpty()
          ? AuthorityUtils.createAuthorityList(role.authority())
          : AuthorityUtils.createAuthorityList(role.authority(), Tenants.AUTHORITY + tenant);
    }
  }

  private final JdbcClient jdbc;
  private final Map<String, Known> configured = new HashMap<>();
  private final Map<UUID, Instant> uses = new ConcurrentHashMap<>();

  /** Keys by the SHA-256 of their secret: the time of a look-up says nothing about the secret. */
  private volatile Map<String, Known> stored = Map.of();

  private long renewedAt;

  KnownKeys(JdbcClient jdbc, SecuritySettings settings) {
    super("api-keys", RENEWAL);
    this.jdbc = jdbc;
    for (var key : settings.apiKeys()) {
      configured.put(
          key.sha256().toLowerCase(Locale.ROOT),
          new Known(null, key.name(), key.role(), key.owner(), null, null));
    }
  }

  Optional<Known> find(String secret) {
    var hash = Keys.sha256(secret);
    var known = look(hash);
    if (known == null && renewAfterMiss()) {
      known = look(hash);
    }
    var now = Instant.now();
    if (known == null || known.until() != null && now.isAfter(known.until())) {
      return Optional.empty();
    }
    if (known.id() != null
        && (known.lastUsedAt() == null || known.lastUsedAt().plus(USE).isBefore(now))) {
      uses.putIfAbsent(known.id(), now);
    }
    return Optional.of(known);
  }

  private @Nullable Known look(String hash) {
    var known = configured.get(hash);
    return known == null ? stored.get(hash) : known;
  }

  private synchronized boolean renewAfterMiss() {
    if (System.nanoTime() - renewedAt < BETWEEN_MISSES.toNanos()) {
      return true;
    }
    return tryToRenew();
  }

  private synchronized boolean tryToRenew() {
    try {
      renew();
      return true;
    } catch (RuntimeException e) {
      LOG.warn("API keys could not be read; those known before stay valid: {}", e.toString());
      return false;
    }
  }

  private void renew() {
    var keys = new HashMap<String, Known>();
    jdbc.sql("select * from api_key").query((RowCallbackHandler) row -> add(row, keys));
    stored = keys;
    renewedAt = System.nanoTime();
  }

  private static void add(ResultSet row, Map<String, Known> keys) throws SQLException {
    var expiry = Keys.time(row, "expires_at");
    var key =
        new Known(
            row.getObject("id", UUID.class),
            row.getString("name"),
            Role.valueOf(row.getString("role")),
            row.getString("tenant"),
            expiry,
            Keys.time(row, "last_used_at"));
    keys.put(row.getString("sha256"), key);
    var previous = Keys.time(row, "previous_until");
    if (previous != null) {
      keys.put(
          row.getString("previous_sha256"),
          new Known(
              key.id(),
              key.name(),
              key.role(),
              key.tenant(),
              expiry != null && expiry.isBefore(previous) ? expiry : previous,
              key.lastUsedAt()));
    }
  }

  /** Stores when keys were used, at most once per hour and key. */
  void storeUses() {
    for (var use : Map.copyOf(uses).entrySet()) {
      var time = use.getValue().atOffset(ZoneOffset.UTC);
      jdbc.sql(
              """
              update api_key set last_used_at = :time
              where id = :id and (last_used_at is null or last_used_at < :before)\
              """)
          .param("time", time)
          .param("id", use.getKey())
          .param("before", time.minus(USE))
          .update();
      uses.remove(use.getKey());
    }
  }

  @TransactionalEventListener
  void on(Keys.Changed event) {
    tryToRenew();
  }

  /**
   * @throws IllegalStateException when a configured key has the name of a stored one in its tenant,
   *     because nobody could tell them apart in the log
   */
  @Override
  public void start() {
    renew();
    for (var key : stored.values()) {
      if (configured.values().stream()
          .anyMatch(
              other -> other.name().equals(key.name()) && other.tenant().equals(key.tenant()))) {
        throw new IllegalStateException(
            "spikewise.security.api-keys: the key %s has the name of a key in the database and the same tenant; give it a different one, or end the other with DELETE /api/v1/keys/%s"
                .formatted(key.name(), key.id()));
      }
    }
    super.start();
  }

  @Override
  protected void tick() {
    try {
      storeUses();
    } catch (RuntimeException e) {
      LOG.warn("The use of API keys could not be stored: {}", e.toString());
    }
    tryToRenew();
  }

  /** Before the web server, so that no request meets an empty copy. */
  @Override
  public int getPhase() {
    return Integer.MIN_VALUE + 1000;
  }
}
