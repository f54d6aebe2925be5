package dev.spikewise.web;

import dev.spikewise.tenant.Tenants;
import jakarta.servlet.http.HttpServletRequest;
import org.springframework.stereotype.Component;

/**
 * Identifies the client of a request for shares and limits: its tenant, else its user, else
 * (without credentials) its address.
 */
@Component
class Clients {

  private final Tenants tenants;

  Clients(Tenants tenants) {
    this.tenants = tenants;
  }

  String of(HttpServletRequest request) {
    var user = request.getUserPrincipal();
    return tenants
        .viewer()
        .map(tenant -> "tenant " + tenant)
        .orElseGet(() -> user == null ? request.getRemoteAddr() : "user " + user.getName());
  }
}
