package dev.spikewise.store;

import java.util.regex.Pattern;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;

/**
 * Version of this process. During an upgrade, processes of two versions share a database: what one
 * stores has its version, and older ones neither train nor change it.
 */
@Component
public class BuildVersion {

  private static final int MINORS = 1000;
  private static final Pattern VERSION = Pattern.compile("(\\d{1,5})\\.(\\d{1,3})(\\D.*)?");

  private final int number;

  BuildVersion(@Value("${spring.application.version:}") String version) {
    var match = VERSION.matcher(version);
    number =
        match.matches()
            ? Integer.parseInt(match.group(1)) * MINORS + Integer.parseInt(match.group(2))
            : 0;
  }

  /**
   * Major version times 1000 plus minor version, because patch releases store nothing new; 0 for
   * classes that no build has given a version.
   */
  public int number() {
    return number;
  }

  /** Returns the version with this number as text, such as 0.2. */
  public static String text(int number) {
    return number / MINORS + "." + number % MINORS;
  }
}
