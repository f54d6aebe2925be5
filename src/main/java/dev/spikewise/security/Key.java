package dev.spikewise.security;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.tenant.Tenants;
import java.time.Instant;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * API key, without its secret.
 *
 * @param id Unique id of the key; null for a configured one, which only the settings can change.
 * @param name Name of the key in logs, unique within its tenant.
 * @param role Role of requests with this key: read, train or admin.
 * @param tenant Tenant whose resources the key can access; null for an operator's key, which can
 *     access all.
 * @param source Where the key comes from: created over the API or configured in
 *     spikewise.security.api-keys.
 * @param secret Secret to send as X-API-Key; only in the answer to the creation or rotation.
 * @param createdAt Time of creation (RFC 3339); null for a configured key.
 * @param expiresAt Time after which the key is refused; never when null.
 * @param lastUsedAt Time of the last use, to the hour; null when unused or configured.
 * @param previousUntil Time until which the secret before the last rotation is accepted; null when
 *     it is not.
 */
public record Key(
    @Nullable UUID id,
    String name,
    Role role,
    @Nullable String tenant,
    Source source,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String secret,
    @Nullable Instant createdAt,
    @Nullable Instant expiresAt,
    @Nullable Instant lastUsedAt,
    @Nullable Instant previousUntil) {

  /** Where a key comes from. */
  public enum Source {
    CREATED,
    CONFIGURED;

    @JsonValue
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Returns this key without its secret. */
  public Key withoutSecret() {
    return withSecret(null);
  }

  Key withSecret(@Nullable String secret) {
    return new Key(
        id, name, role, tenant, source, secret, createdAt, expiresAt, lastUsedAt, previousUntil);
  }

  /**
   * Definition of a key.
   *
   * @param name Name of the key in logs, unique within its tenant.
   * @param role Role of requests with this key: read (view), train (also create and change) or
   *     admin (also delete, and manage keys). Default: read.
   * @param tenant Tenant whose resources the key can access. When absent it is the caller's tenant,
   *     and an operator's key for a caller without one.
   * @param expiresAt Time after which the key is refused (RFC 3339); never when absent.
   */
  public record Definition(
      String name, @Nullable Role role, @Nullable String tenant, @Nullable Instant expiresAt)
      implements Checked {

    private static final int MAX_NAME = 200;

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          name != null && !name.isBlank() && name.length() <= MAX_NAME,
          "name",
          "must have 1 to " + MAX_NAME + " characters");
      mistakes.require(
          tenant == null || Tenants.isName(tenant),
          "tenant",
          "must be 1 to 100 letters, digits, dots, hyphens and underscores");
      mistakes.require(
          expiresAt == null || expiresAt.isAfter(Instant.now()),
          "expires_at",
          "must be in the future");
    }
  }

  /**
   * How a key is rotated.
   *
   * @param overlapSeconds Time during which the secret before the rotation is still accepted, in
   *     seconds, at most 2592000 (30 days). Default: 0.
   */
  public record Rotation(@Nullable Long overlapSeconds) implements Checked {

    private static final long MAX_OVERLAP = 30L * 24 * 3600;

    public static final Rotation AT_ONCE = new Rotation(null);

    @Override
    public void check(Mistakes mistakes) {
      mistakes.require(
          seconds() >= 0 && seconds() <= MAX_OVERLAP,
          "overlap_seconds",
          "must be between 0 and " + MAX_OVERLAP + " but was " + seconds());
    }

    long seconds() {
      return overlapSeconds == null ? 0 : overlapSeconds;
    }
  }
}
