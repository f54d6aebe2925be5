package dev.spikewise.tenant;

import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.stereotype.Component;

/**
 * The one place that knows whose a resource is. A caller with a tenant sees and changes its own
 * resources alone; everything else is not there for it. A caller without one is an operator, who
 * sees all, as does the service itself when it trains.
 */
@Component
public class Tenants {

  /** How a caller's authorities name its tenant. */
  public static final String AUTHORITY = "TENANT_";

  /** Whose everything is that an operator, or a server without credentials, creates. */
  private static final String OPERATOR = "";

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");

  public static boolean isName(String name) {
    return NAME.matcher(name).matches();
  }

  /** The tenant that a caller belongs to. */
  public static Optional<String> of(@Nullable Authentication caller) {
    return caller == null
        ? Optional.empty()
        : caller.getAuthorities().stream()
            .map(authority -> String.valueOf(authority.getAuthority()))
            .filter(authority -> authority.startsWith(AUTHORITY))
            .map(authority -> authority.substring(AUTHORITY.length()))
            .findFirst();
  }

  /** Through whose eyes resources are seen now; empty for those that see all. */
  public Optional<String> viewer() {
    return of(SecurityContextHolder.getContext().getAuthentication());
  }

  /** Whose a resource becomes that is created now. */
  public String owner() {
    return viewer().orElse(OPERATOR);
  }

  /** Whether whoever asks now sees the resources of all. */
  public boolean seeAll() {
    return viewer().isEmpty();
  }

  /** Whether whoever asks now sees a resource of {@code owner}. */
  public boolean sees(String owner) {
    return viewer().map(owner::equals).orElse(true);
  }
}
