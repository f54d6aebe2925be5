package dev.spikewise.tenant;

import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.stereotype.Component;

/**
 * Determines ownership and visibility of resources. A caller with a tenant sees and changes only
 * the tenant's resources; others do not exist for it. A caller without a tenant is an operator and
 * sees all resources, and so does the service itself when it trains.
 */
@Component
public class Tenants {

  /** Prefix of the authority that names a caller's tenant. */
  public static final String AUTHORITY = "TENANT_";

  /** Owner of resources created by an operator or on a server without credentials. */
  private static final String OPERATOR = "";

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");

  public static boolean isName(String name) {
    return NAME.matcher(name).matches();
  }

  /** Tenant of a caller; empty for an operator. */
  public static Optional<String> of(@Nullable Authentication caller) {
    return caller == null
        ? Optional.empty()
        : caller.getAuthorities().stream()
            .map(authority -> String.valueOf(authority.getAuthority()))
            .filter(authority -> authority.startsWith(AUTHORITY))
            .map(authority -> authority.substring(AUTHORITY.length()))
            .findFirst();
  }

  /** Tenant of the current caller; empty when it sees all resources. */
  public Optional<String> viewer() {
    return of(SecurityContextHolder.getContext().getAuthentication());
  }

  /** Owner of resources that the current caller creates. */
  public String owner() {
    return viewer().orElse(OPERATOR);
  }

  /** Runs {@code work} with the rights of {@code owner}, as the service does for its searches. */
  public <T> T as(String owner, Supplier<T> work) {
    var before = SecurityContextHolder.getContext();
    var context = SecurityContextHolder.createEmptyContext();
    if (!owner.equals(OPERATOR)) {
      context.setAuthentication(
          UsernamePasswordAuthenticationToken.authenticated(
              owner, null, AuthorityUtils.createAuthorityList(AUTHORITY + owner)));
    }
    SecurityContextHolder.setContext(context);
    try {
      return work.get();
    } finally {
      SecurityContextHolder.setContext(before);
    }
  }

  /** Whether the current caller sees the resources of all tenants. */
  public boolean seeAll() {
    return viewer().isEmpty();
  }

  /** Whether the current caller sees a resource of {@code owner}. */
  public boolean sees(String owner) {
    return viewer().map(owner::equals).orElse(true);
  }
}
