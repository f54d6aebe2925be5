package dev.spikewise.api;

import dev.spikewise.job.JobMetric;
import dev.spikewise.job.Jobs;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.BindParam;

/**
 * Bounds of the metrics of a job's latest epoch.
 *
 * @param minLoss Only jobs with at least this loss.
 * @param maxLoss Only jobs with at most this loss.
 * @param minSynops Only jobs with at least this many synops per sample.
 * @param maxSynops Only jobs with at most this many synops per sample.
 * @param minFiringRate Only jobs with at least this firing rate.
 * @param maxFiringRate Only jobs with at most this firing rate.
 * @param minAccuracy Only jobs with at least this accuracy.
 * @param maxAccuracy Only jobs with at most this accuracy.
 * @param minTestAccuracy Only jobs with at least this accuracy on the test samples.
 * @param maxTestAccuracy Only jobs with at most this accuracy on the test samples.
 */
record MetricQuery(
    @BindParam("min_loss") @Nullable Double minLoss,
    @BindParam("max_loss") @Nullable Double maxLoss,
    @BindParam("min_synops") @Nullable Double minSynops,
    @BindParam("max_synops") @Nullable Double maxSynops,
    @BindParam("min_firing_rate") @Nullable Double minFiringRate,
    @BindParam("max_firing_rate") @Nullable Double maxFiringRate,
    @BindParam("min_accuracy") @Nullable Double minAccuracy,
    @BindParam("max_accuracy") @Nullable Double maxAccuracy,
    @BindParam("min_test_accuracy") @Nullable Double minTestAccuracy,
    @BindParam("max_test_accuracy") @Nullable Double maxTestAccuracy) {

  Map<JobMetric, Jobs.Range<Double>> ranges() {
    var ranges = new EnumMap<JobMetric, Jobs.Range<Double>>(JobMetric.class);
    put(ranges, JobMetric.LOSS, minLoss, maxLoss);
    put(ranges, JobMetric.SYNOPS, minSynops, maxSynops);
    put(ranges, JobMetric.FIRING_RATE, minFiringRate, maxFiringRate);
    put(ranges, JobMetric.ACCURACY, minAccuracy, maxAccuracy);
    put(ranges, JobMetric.TEST_ACCURACY, minTestAccuracy, maxTestAccuracy);
    return ranges;
  }

  private static void put(
      Map<JobMetric, Jobs.Range<Double>> ranges,
      JobMetric metric,
      @Nullable Double least,
      @Nullable Double most) {
    if (least == null && most == null) {
      return;
    }
    if (least != null && !Double.isFinite(least) || most != null && !Double.isFinite(most)) {
      throw new ProblemException(
          Code.INVALID_PARAMETER,
          "min_%1$s and max_%1$s must be finite numbers".formatted(metric.word()));
    }
    ranges.put(metric, new Jobs.Range<>(least, most));
  }
}
