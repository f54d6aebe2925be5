package dev.spikewise.api;

import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.tenant.Usage;
import dev.spikewise.tenant.UsageReport;
import dev.spikewise.tenant.Usages;
import dev.spikewise.web.SelectableFields;
import java.time.DateTimeException;
import java.time.YearMonth;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Usage of tenants per month. */
@RestController
@RequestMapping("/api/v1/usage")
class UsageController {

  private final Usages usages;

  UsageController(Usages usages) {
    this.usages = usages;
  }

  /**
   * Lists the usage of each month and tenant, newest month first. A caller with a tenant gets the
   * numbers of its tenant, an operator those of all tenants.
   *
   * @param month Month in UTC, such as 2026-11; all months when absent.
   */
  @GetMapping(produces = MediaType.APPLICATION_JSON_VALUE)
  @SelectableFields
  UsageReport list(@RequestParam(required = false) @Nullable String month) {
    return new UsageReport(find(month));
  }

  /**
   * Lists the usage of each month and tenant, newest month first. A caller with a tenant gets the
   * numbers of its tenant, an operator those of all tenants.
   *
   * @param month Month in UTC, such as 2026-11; all months when absent.
   */
  @GetMapping(produces = "text/csv")
  String csv(@RequestParam(required = false) @Nullable String month) {
    return find(month).stream()
        .map(
            usage ->
                "%s,%s,%d,%d,%d,%s,%s,%d\r\n"
                    .formatted(
                        usage.tenant(),
                        usage.month(),
                        usage.jobs(),
                        usage.epochs(),
                        usage.samples(),
                        usage.synops(),
                        usage.trainingSeconds(),
                        usage.storedBytes()))
        .collect(
            Collectors.joining(
                "",
                "tenant,month,jobs,epochs,samples,synops,training_seconds,stored_bytes\r\n",
                ""));
  }

  private List<Usage> find(@Nullable String month) {
    try {
      return usages.list(month == null ? null : YearMonth.parse(month));
    } catch (DateTimeException e) {
      throw new ProblemException(
          Code.INVALID_PARAMETER, "month must be a month such as 2026-11 but was " + month);
    }
  }
}
