package dev.spikewise.dataset;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.SampleValues;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the service read in the uploaded files.
 *
 * @param assumed what the files do not say and the service derived from their values, one sentence
 *     each
 * @param leftOut files and arrays that are not part of the data set, at most 100 of them
 * @param classNames name of each class, by label; null where the labels are numbers
 * @param classCounts number of samples of each class, by label; at most 1,000 classes
 * @param scale number that the values were divided by; 1 where they were taken as they are
 * @param events number of events of all samples; null for values that are not events
 * @param density mean value per pixel at each time step, at most 1,000 steps
 * @param memoryBytes memory that the samples take while a training uses them
 * @param recipe what the upload asked for
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Reading(
    List<String> assumed,
    List<String> leftOut,
    @Nullable List<String> classNames,
    List<Integer> classCounts,
    double scale,
    @Nullable Long events,
    List<Double> density,
    long memoryBytes,
    Recipe recipe) {

  private static final int MAX_LEFT_OUT = 100;
  private static final int MAX_CLASSES = 1000;
  private static final int MAX_NAME = 200;

  /** Collects assumptions and skipped files while files are read. */
  static final class Notes {

    final List<String> assumed = new ArrayList<>();
    private final List<String> leftOut = new ArrayList<>();
    private int more;
    @Nullable List<String> classNames;
    double scale = 1;

    void assume(String what) {
      if (!assumed.contains(what) && assumed.size() < MAX_LEFT_OUT) {
        assumed.add(what);
      }
    }

    void leaveOut(String what) {
      if (leftOut.size() < MAX_LEFT_OUT) {
        leftOut.add(what.length() <= MAX_NAME ? what : what.substring(0, MAX_NAME - 3) + "...");
      } else {
        more++;
      }
    }

    /** Names of some skipped files, for an error about a data set without usable files. */
    String found() {
      return leftOut.isEmpty()
          ? "; found no files"
          : "; found "
              + String.join(", ", leftOut.subList(0, Math.min(5, leftOut.size())))
              + (leftOut.size() > 5 ? " and more" : "");
    }

    Reading of(Dataset dataset, Recipe recipe) {
      var out = new ArrayList<>(leftOut);
      if (more > 0) {
        out.add("and " + more + " more");
      }
      return new Reading(
          assumed,
          out,
          classNames,
          counts(dataset.labels()),
          scale,
          dataset.values() instanceof SampleValues.Events events ? (Long) events.events() : null,
          density(dataset),
          dataset.values().bytes(),
          recipe);
    }
  }

  public Reading {
    assumed = List.copyOf(assumed);
    leftOut = List.copyOf(leftOut);
  }

  private static List<Integer> counts(int[] labels) {
    var counts = new Integer[MAX_CLASSES];
    java.util.Arrays.fill(counts, 0);
    int classes = 0;
    for (int label : labels) {
      if (label < MAX_CLASSES) {
        counts[label]++;
        classes = Math.max(classes, label + 1);
      }
    }
    return List.of(counts).subList(0, classes);
  }

  private static List<Double> density(Dataset dataset) {
    int steps = Math.max(1, dataset.timeSteps());
    if (steps > MAX_CLASSES) {
      return List.of();
    }
    var sums = new double[steps];
    int frame = dataset.values().sampleSize() / steps;
    if (dataset.values() instanceof SampleValues.Events events) {
      for (int[] sample : events.places()) {
        for (int place : sample) {
          sums[place / frame]++;
        }
      }
    } else {
      var values = new float[steps * frame];
      for (int sample = 0; sample < dataset.size(); sample++) {
        dataset.values().read(sample, values);
        for (int i = 0; i < values.length; i++) {
          sums[i / frame] += values[i];
        }
      }
    }
    var density = new ArrayList<Double>();
    for (double sum : sums) {
      density.add(sum / frame / Math.max(1, dataset.size()));
    }
    return density;
  }
}
