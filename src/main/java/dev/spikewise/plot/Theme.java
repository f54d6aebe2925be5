package dev.spikewise.plot;

/** The ground that a picture lies on. */
public enum Theme {
  LIGHT,
  DARK
}
