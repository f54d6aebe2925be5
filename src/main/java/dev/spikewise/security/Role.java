package dev.spikewise.security;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** Roles in ascending order; each includes the permissions of those before it. */
public enum Role {
  /** May read. */
  READ,
  /** May create and change. */
  TRAIN,
  /** May delete, and manage API keys. */
  ADMIN;

  String authority() {
    return "ROLE_" + name();
  }

  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
