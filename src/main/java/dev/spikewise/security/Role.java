package dev.spikewise.security;

/** Roles in ascending order; each includes the permissions of those before it. */
enum Role {
  /** May read. */
  READ,
  /** May create and change. */
  TRAIN,
  /** May delete. */
  ADMIN;

  String authority() {
    return "ROLE_" + name();
  }
}
