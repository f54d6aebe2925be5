package dev.spikewise.plot;

import java.awt.Color;

/**
 * The colours of a picture, on light and on dark ground; as text, all keep a contrast of at least
 * 4.5 to 1.
 */
enum Ink {
  TEXT(0x1f2933, 0xe6e9ee),
  MUTED(0x5b6673, 0x9aa5b1),
  GRID(0xdde2e8, 0x333b45),
  TARGET(0xc8321f, 0xff8a75),
  BLUE(0x2457c5, 0x7aa8ff),
  ORANGE(0xa85a00, 0xf2a541),
  TEAL(0x0b7a6f, 0x3fc7b8),
  PURPLE(0x7c3aad, 0xc594f0),
  PINK(0xb3266b, 0xf487b6),
  OLIVE(0x66700f, 0xbcc857);

  static final Color PAPER = Color.WHITE;

  final int light;
  final int dark;

  Ink(int light, int dark) {
    this.light = light;
    this.dark = dark;
  }

  /** A colour for the {@code i}-th layer; they come round again after six. */
  static Ink ofLayer(int i) {
    return values()[BLUE.ordinal() + i % (values().length - BLUE.ordinal())];
  }
}
