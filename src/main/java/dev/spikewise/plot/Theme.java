package dev.spikewise.plot;

/** Colour scheme of a picture. */
public enum Theme {
  LIGHT,
  DARK
}
