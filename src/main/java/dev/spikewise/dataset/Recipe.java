package dev.spikewise.dataset;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.interop.FileMemory;
import dev.spikewise.interop.events.EventOptions;
import dev.spikewise.interop.events.EventReader;
import dev.spikewise.interop.events.TimeUnit;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.spec.Preparation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.core.io.ByteArrayResource;
import org.springframework.core.io.InputStreamSource;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * Instructions for turning uploaded files into samples: properties that the files do not state, and
 * their preparation. It is stored with the files, so that every worker produces the same samples.
 *
 * @param timeSteps number of frames that a recording is divided into
 * @param height rows of the camera; 1 for spike trains
 * @param width columns of the camera, or channels of spike trains
 * @param timeUnit unit of the times in recordings: s, ms, us or ns
 * @param columns order of the columns in recordings without column names, such as x,y,p,t
 * @param layout axes of images: channels_first [n, C, H, W] (default) or channels_last [n, H, W, C]
 * @param scale number that the values of images are divided by; derived from the values when absent
 * @param preparation frames, crop, denoising and augmentation
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Recipe(
    @Nullable Integer timeSteps,
    @Nullable Integer height,
    @Nullable Integer width,
    @Nullable String timeUnit,
    @Nullable String columns,
    @Nullable String layout,
    @Nullable Double scale,
    Preparation preparation) {

  /** Name of the upload part. */
  static final String PART = "recipe";

  /** Part of data sets stored by versions without recipes: "steps,height,width". */
  static final String FRAMING = "framing";

  /** Number of channels in SHD and SSC. */
  static final int COCHLEA_CHANNELS = 700;

  static final Recipe NONE = new Recipe(null, null, null, null, null, null, null, Preparation.NONE);

  private static final String CHANNELS_LAST = "channels_last";
  private static final Set<String> LAYOUTS = Set.of("channels_first", CHANNELS_LAST);
  private static final JsonMapper JSON =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  public Recipe {
    preparation = preparation == null ? Preparation.NONE : preparation;
  }

  /**
   * Reports mistakes in this recipe for uploads with the given parts.
   *
   * @param parts names of the uploaded files
   */
  public void check(Set<String> parts, Mistakes mistakes) {
    boolean images = !parts.contains("events");
    preparation.check(mistakes.in("preparation"));
    size(timeSteps, "time_steps", mistakes);
    size(height, "height", mistakes);
    size(width, "width", mistakes);
    mistakes.require(
        timeUnit == null || TimeUnit.of(timeUnit).isPresent(),
        "time_unit",
        "must be one of " + TimeUnit.words() + " but was " + timeUnit);
    mistakes.require(
        columns == null || isOrder(columnNames()),
        "columns",
        "must name x, y, p and t once each, such as x,y,p,t, but was " + columns);
    mistakes.require(
        layout == null || LAYOUTS.contains(layout),
        "layout",
        "must be channels_first or channels_last but was " + layout);
    if (scale != null) {
      mistakes.positive(scale, "scale");
    }
    var crop = preparation.crop();
    if (!images && crop != null && height != null && width != null && mistakes.isEmpty()) {
      mistakes.require(
          crop.top() + crop.height() <= height && crop.left() + crop.width() <= width,
          "preparation",
          "has a crop outside the camera's %d x %d pixels".formatted(height, width));
    }
    mistakes.require(
        !images || !preparation.needsEvents() || parts.contains("file"),
        "preparation",
        "has steps that apply to event recordings only: leave out all but crop and augmentation");
    if (!images) {
      mistakes.require(
          layout == null, "layout", "applies to images: leave it out for event recordings");
      mistakes.require(
          scale == null, "scale", "applies to images: leave it out for event recordings");
      mistakes.require(
          timeSteps != null,
          "time_steps",
          "is missing: give the number of frames that a recording is divided into");
      if (timeSteps == null) {
        // Whether the camera's size is required depends on the file: spike trains have none.
        requireCamera(mistakes);
      }
    }
  }

  private static void size(@Nullable Integer value, String name, Mistakes mistakes) {
    if (value != null) {
      mistakes.between(value, 1, 4096, name);
    }
  }

  private static boolean isOrder(@Nullable List<String> names) {
    return names != null
        && names.size() == 4
        && Set.copyOf(names).equals(Set.of("x", "y", "p", "t"));
  }

  private @Nullable List<String> columnNames() {
    return columns == null
        ? null
        : Arrays.stream(columns.split(",")).map(String::strip).distinct().toList();
  }

  boolean channelsLast() {
    return CHANNELS_LAST.equals(layout);
  }

  /** Returns this recipe for camera recordings, which require height and width. */
  Recipe requireCamera() {
    var mistakes = new Mistakes();
    requireCamera(mistakes);
    mistakes.throwIfAny();
    return this;
  }

  private void requireCamera(Mistakes mistakes) {
    mistakes.require(
        height != null, "height", "is missing: give the rows of the camera, 34 for N-MNIST");
    mistakes.require(
        width != null, "width", "is missing: give the columns of the camera, 34 for N-MNIST");
  }

  /** Returns this recipe for spike trains, which have one row of channels. */
  Recipe ofSpikeTrains() {
    return ofOneRow(COCHLEA_CHANNELS);
  }

  /** Returns this recipe for audio, which has one row of mel bands. */
  Recipe ofAudio() {
    var mistakes = new Mistakes();
    mistakes.require(
        height == null || height == 1,
        "height",
        "must be 1 or left out for audio, which has one row of mel bands, but was " + height);
    mistakes.throwIfAny();
    return ofOneRow(EventReader.AUDIO_BANDS);
  }

  private Recipe ofOneRow(int columnsByDefault) {
    return new Recipe(
        timeSteps,
        1,
        width == null ? columnsByDefault : width,
        timeUnit,
        columns,
        layout,
        scale,
        preparation);
  }

  int steps() {
    return timeSteps == null ? 1 : timeSteps;
  }

  int rows() {
    return height == null ? 1 : height;
  }

  int pixels() {
    return width == null ? 1 : width;
  }

  EventOptions options(FileMemory memory) {
    return new EventOptions(
        timeUnit == null ? null : TimeUnit.of(timeUnit).orElse(null),
        columnNames(),
        rows(),
        pixels(),
        memory);
  }

  /** Returns this recipe as an upload part of the data set. */
  public InputStreamSource part() {
    return new ByteArrayResource(JSON.writeValueAsBytes(this));
  }

  static Recipe read(java.util.Map<String, InputStreamSource> files) throws IOException {
    var part = files.get(PART);
    if (part != null) {
      try (var in = part.getInputStream()) {
        return JSON.readValue(in.readAllBytes(), Recipe.class);
      }
    }
    var framing = files.get(FRAMING);
    if (framing == null) {
      return NONE;
    }
    try (var in = framing.getInputStream()) {
      int[] sizes =
          Arrays.stream(new String(in.readAllBytes(), StandardCharsets.US_ASCII).split(","))
              .mapToInt(Integer::parseInt)
              .toArray();
      return new Recipe(sizes[0], sizes[1], sizes[2], null, null, null, null, Preparation.NONE);
    }
  }
}
