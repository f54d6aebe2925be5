package dev.spikewise.security;

import dev.spikewise.tenant.Tenants;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Authentication. Tokens of an OpenID Connect issuer are configured by Spring Boot's own settings,
 * {@code spring.security.oauth2.resourceserver.jwt}.
 *
 * @param apiKeys API keys, each with name, sha256, role and tenant. Removing a key revokes it.
 *     Administrators can create more of them with POST /api/v1/keys.
 * @param tenantClaim Claim of a token that names its tenant. When absent, tokens belong to
 *     operators, who see everything; otherwise only a token with role ADMIN may lack the claim.
 * @param anonymous Whether requests without credentials may do everything on any address, for a
 *     server behind a proxy that authenticates.
 */
@ConfigurationProperties("spikewise.security")
record SecuritySettings(
    @DefaultValue List<ApiKey> apiKeys,
    @Nullable String tenantClaim,
    @DefaultValue("false") boolean anonymous) {

  SecuritySettings {
    // Tenant and name identify a caller in the log and the owner of an Idempotency-Key, so they
    // must be unique.
    requireDistinct(apiKeys, key -> List.of(key.name(), String.valueOf(key.tenant())), "name");
    requireDistinct(apiKeys, key -> key.sha256().toLowerCase(Locale.ROOT), "sha256");
  }

  private static void requireDistinct(
      List<ApiKey> keys, Function<ApiKey, Object> what, String setting) {
    var seen = new HashMap<Object, ApiKey>();
    for (var key : keys) {
      var before = seen.put(what.apply(key), key);
      if (before != null) {
        throw new IllegalArgumentException(
            "spikewise.security.api-keys: the keys "
                + before.name()
                + " and "
                + key.name()
                + " have the same "
                + setting
                + (setting.equals("name") ? " in one tenant" : "")
                + "; give each key a different one");
      }
    }
  }

  /**
   * An API key, of which only the hash is stored.
   *
   * @param name name of the key in logs
   * @param sha256 SHA-256 of the key in hexadecimal: {@code printf %s "$KEY" | sha256sum}. A fast
   *     hash is sufficient for a long random key; a password would need a slow one
   * @param tenant tenant whose resources the key can access; null for an operator's key, which can
   *     access all
   */
  record ApiKey(
      String name, String sha256, @DefaultValue("READ") Role role, @Nullable String tenant) {
    ApiKey {
      if (name == null || sha256 == null || !sha256.matches("[0-9a-fA-F]{64}")) {
        throw new IllegalArgumentException(
            "spikewise.security.api-keys: every key must have a name and a sha256 of 64 hexadecimal"
                + " digits");
      }
      if (tenant != null && !Tenants.isName(tenant)) {
        throw new IllegalArgumentException(
            "spikewise.security.api-keys: a tenant must be 1 to 100 letters, digits, dots, hyphens"
                + " and underscores but was "
                + tenant);
      }
    }

    /** Name of the owning tenant as in the database; empty for an operator. */
    String owner() {
      return tenant == null ? "" : tenant;
    }

    Key view() {
      return new Key(null, name, role, tenant, Key.Source.CONFIGURED, null, null, null, null, null);
    }
  }
}
