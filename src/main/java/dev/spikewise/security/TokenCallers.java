package dev.spikewise.security;

import dev.spikewise.tenant.Tenants;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;
import org.springframework.core.convert.converter.Converter;
import org.springframework.security.authentication.AbstractAuthenticationToken;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.server.resource.InvalidBearerTokenException;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationConverter;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationToken;

/** Converts a verified token to an authenticated caller. */
final class TokenCallers implements Converter<Jwt, AbstractAuthenticationToken> {

  private final JwtAuthenticationConverter roles;
  private final @Nullable String tenantClaim;

  TokenCallers(JwtAuthenticationConverter roles, @Nullable String tenantClaim) {
    this.roles = roles;
    this.tenantClaim = tenantClaim;
  }

  @Override
  public AbstractAuthenticationToken convert(Jwt token) {
    if (token.getExpiresAt() == null) {
      throw new InvalidBearerTokenException(
          "the token must have the claim exp, because tokens without an expiry are refused");
    }
    var caller = roles.convert(token);
    if (tenantClaim == null) {
      return caller;
    }
    var tenant = token.getClaimAsString(tenantClaim);
    if (tenant == null && isAdmin(caller)) {
      return caller;
    }
    if (tenant == null || !Tenants.isName(tenant)) {
      throw new InvalidBearerTokenException(
          "the token's claim " + tenantClaim + " is not a valid tenant name");
    }
    var authorities = new ArrayList<GrantedAuthority>(caller.getAuthorities());
    authorities.add(new SimpleGrantedAuthority(Tenants.AUTHORITY + tenant));
    return new JwtAuthenticationToken(token, authorities, caller.getName());
  }

  private static boolean isAdmin(AbstractAuthenticationToken caller) {
    return caller.getAuthorities().stream()
        .anyMatch(authority -> Role.ADMIN.authority().equals(authority.getAuthority()));
  }
}
