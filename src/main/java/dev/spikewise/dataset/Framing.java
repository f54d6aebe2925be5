package dev.spikewise.dataset;

import dev.spikewise.problem.Mistakes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.core.io.InputStreamSource;

/**
 * Into how many steps and pixels event recordings are counted; a part of the data set like its
 * files.
 */
public record Framing(int timeSteps, int height, int width) {

  /** Name of the part. */
  static final String PART = "framing";

  /** What a request gives, each of it checked. */
  public static Framing of(
      @Nullable Integer timeSteps,
      @Nullable Integer height,
      @Nullable Integer width,
      Mistakes mistakes) {
    return new Framing(
        checked(timeSteps, "time_steps", "into how many steps a recording is divided", mistakes),
        checked(height, "height", "the rows of the camera, 34 for N-MNIST", mistakes),
        checked(width, "width", "the columns of the camera, 34 for N-MNIST", mistakes));
  }

  private static int checked(@Nullable Integer value, String name, String what, Mistakes mistakes) {
    if (value == null) {
      mistakes.in(name).add("is missing: give " + what);
      return 1;
    }
    mistakes.between(value, 1, 4096, name);
    return value;
  }

  public InputStreamSource part() {
    String text = timeSteps + "," + height + "," + width;
    return new ByteArrayResource(text.getBytes(StandardCharsets.US_ASCII));
  }

  static Framing read(InputStreamSource part) throws IOException {
    try (var in = part.getInputStream()) {
      int[] sizes =
          Arrays.stream(new String(in.readAllBytes(), StandardCharsets.US_ASCII).split(","))
              .mapToInt(Integer::parseInt)
              .toArray();
      return new Framing(sizes[0], sizes[1], sizes[2]);
    }
  }

  /** Values of one recording. */
  long size() {
    return 2L * timeSteps * height * width;
  }
}
