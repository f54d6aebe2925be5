package dev.spikewise.security;

/** Each role may do what the one before it may, and more. */
enum Role {
  /** Look at everything. */
  READ,
  /** Create and change. */
  TRAIN,
  /** Delete. */
  ADMIN;

  String authority() {
    return "ROLE_" + name();
  }
}
