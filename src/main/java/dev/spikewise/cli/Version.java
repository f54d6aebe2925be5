package dev.spikewise.cli;

import java.util.Objects;
import picocli.CommandLine.IVersionProvider;

/** The version of the jar. */
final class Version implements IVersionProvider {

  /** As the jar's manifest states it; {@code unknown} for classes outside of a jar. */
  static final String PROGRAM =
      Objects.requireNonNullElse(Version.class.getPackage().getImplementationVersion(), "unknown");

  @Override
  public String[] getVersion() {
    return new String[] {"spikewise " + PROGRAM};
  }
}
