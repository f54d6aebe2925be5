package dev.spikewise.plot;

/**
 * Colours for the light and the dark theme. As text, all have a contrast of at least 4.5:1. The
 * colours of layers are distinguishable with colour vision deficiencies: simulated for protanopia,
 * deuteranopia and tritanopia (Machado et al. 2009, doi:10.1109/TVCG.2009.113), any two are at
 * least 25 apart in CIELAB.
 */
enum Ink {
  PAPER(0xffffff, 0x1a2028),
  TEXT(0x1f2933, 0xe6e9ee),
  MUTED(0x5b6673, 0x9aa5b1),
  GRID(0xdde2e8, 0x333b45),
  TARGET(0xc8321f, 0xff8a75),
  BLUE(0x1829ad, 0xa4c8f8),
  BROWN(0x512511, 0xc78a3c),
  SEA(0x2c7ca6, 0x43eda5),
  PLUM(0x420968, 0xad6df2),
  ROSE(0x9d425b, 0xe6549e),
  MOSS(0x677b2f, 0xe7d930);

  private final int light;
  private final int dark;

  Ink(int light, int dark) {
    this.light = light;
    this.dark = dark;
  }

  /** As 0xRRGGBB. */
  int on(Theme theme) {
    return switch (theme) {
      case LIGHT -> light;
      case DARK -> dark;
    };
  }

  /** Colour of the {@code i}-th layer; the six colours repeat. */
  static Ink ofLayer(int i) {
    return values()[BLUE.ordinal() + i % (values().length - BLUE.ordinal())];
  }
}
