package dev.spikewise;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A page of src/docs that a test writes, so that it cannot fall behind the code. */
public final class WrittenPage {

  private WrittenPage() {}

  /** Fails where the page is not this text, and leaves the right one in target. */
  public static void assertUpToDate(Path page, String text) throws IOException {
    var right = Path.of("target").resolve(page.getFileName());
    Files.writeString(right, text);
    assertThat(Files.readString(page)).as("%s; %s is right", page, right).isEqualTo(text);
  }
}
