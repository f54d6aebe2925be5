package dev.spikewise.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Recipe that turns recordings and images into samples. It is stored with the data set, and
 * trainings, analyses and conversions all run it. Steps run in this order: time window, denoising,
 * crop, downsampling, polarity merge, frames; the augmentation changes training samples only.
 *
 * @param frames how events are divided into time steps: {@code time} (equal durations, default) or
 *     {@code count} (equal numbers of events)
 * @param stepSeconds duration of a frame in seconds, from the start of the recording; events after
 *     the last frame are left out; when absent the frames divide each recording's own duration
 * @param timeWindow start and end in seconds after the start of the recording; events outside are
 *     left out; everything when absent
 * @param denoiseSeconds keeps an event only if one of its four neighbours had an event at most this
 *     many seconds before, as tonic.transforms.Denoise does; no denoising when absent
 * @param crop rectangle of pixels that is kept; everything when absent
 * @param downsample factor by which height and width of events shrink, at least 2; 1 when absent
 * @param mergePolarities whether both polarities are counted in one channel; default false
 * @param augmentation random changes of training samples; none when absent
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Preparation(
    Frames frames,
    @Nullable Double stepSeconds,
    @Nullable List<Double> timeWindow,
    @Nullable Double denoiseSeconds,
    @Nullable Crop crop,
    Integer downsample,
    Boolean mergePolarities,
    @Nullable Augmentation augmentation)
    implements Checked {

  /** How events are divided into time steps. */
  public enum Frames {
    /** Equal durations. */
    @JsonProperty("time")
    TIME,
    /** Equal numbers of events; the last frame takes the remainder. */
    @JsonProperty("count")
    COUNT
  }

  /**
   * A rectangle of pixels.
   *
   * @param top First row of the rectangle; 0 when absent.
   * @param left First column of the rectangle; 0 when absent.
   * @param height Number of rows that are kept.
   * @param width Number of columns that are kept.
   */
  public record Crop(Integer top, Integer left, Integer height, Integer width) {
    public Crop {
      top = top == null ? 0 : top;
      left = left == null ? 0 : left;
    }
  }

  /**
   * Random changes of a training sample, drawn from seed, epoch and sample. Test samples, baselines
   * and analyses are not changed.
   *
   * @param flipHorizontal probability that the columns are mirrored, 0 to 1; default 0
   * @param maxShift largest shift of rows and of columns in pixels, drawn evenly; default 0
   * @param maxRotationDegrees largest rotation about the centre in degrees, drawn evenly; default 0
   */
  public record Augmentation(Double flipHorizontal, Integer maxShift, Double maxRotationDegrees) {
    public Augmentation {
      flipHorizontal = flipHorizontal == null ? 0.0 : flipHorizontal;
      maxShift = maxShift == null ? 0 : maxShift;
      maxRotationDegrees = maxRotationDegrees == null ? 0.0 : maxRotationDegrees;
    }
  }

  /** Nothing is changed. */
  public static final Preparation NONE =
      new Preparation(Frames.TIME, null, null, null, null, 1, false, null);

  public Preparation {
    frames = frames == null ? Frames.TIME : frames;
    timeWindow = timeWindow == null ? null : List.copyOf(timeWindow);
    downsample = downsample == null ? 1 : downsample;
    mergePolarities = mergePolarities == null ? Boolean.FALSE : mergePolarities;
  }

  /** Whether any step applies to event recordings only. */
  public boolean needsEvents() {
    return frames == Frames.COUNT || usesSeconds() || downsample > 1 || mergePolarities;
  }

  /** Whether any step requires the unit of time. */
  public boolean usesSeconds() {
    return stepSeconds != null || timeWindow != null || denoiseSeconds != null;
  }

  @Override
  public void check(Mistakes mistakes) {
    if (stepSeconds != null) {
      mistakes.positive(stepSeconds, "step_seconds");
      mistakes.require(frames == Frames.TIME, "step_seconds", "must be left out with frames count");
    }
    if (denoiseSeconds != null) {
      mistakes.positive(denoiseSeconds, "denoise_seconds");
    }
    mistakes.require(
        timeWindow == null
            || timeWindow.size() == 2
                && timeWindow.get(0) >= 0
                && timeWindow.get(1) > timeWindow.get(0),
        "time_window",
        "must be [start, end] in seconds with 0 <= start < end but was " + timeWindow);
    mistakes.between(downsample, 1, 64, "downsample");
    if (crop != null) {
      var at = mistakes.in("crop");
      at.atLeast(crop.top(), 0, "top");
      at.atLeast(crop.left(), 0, "left");
      if (at.require(crop.height() != null, "height", "is missing: give the number of rows")) {
        at.between(crop.height(), 1, 4096, "height");
      }
      if (at.require(crop.width() != null, "width", "is missing: give the number of columns")) {
        at.between(crop.width(), 1, 4096, "width");
      }
    }
    if (augmentation != null) {
      var at = mistakes.in("augmentation");
      at.between(augmentation.flipHorizontal(), 0, 1, "flip_horizontal");
      at.between(augmentation.maxShift(), 0, 4096, "max_shift");
      at.between(augmentation.maxRotationDegrees(), 0, 180, "max_rotation_degrees");
    }
  }
}
