package dev.spikewise.api;

import dev.spikewise.retention.Retention;
import dev.spikewise.retention.RetentionPlan;
import dev.spikewise.web.SelectableFields;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/** Retention: deletion of what is older than its tenant keeps it. */
@RestController
@RequestMapping("/api/v1/retention")
class RetentionController {

  private final Retention retention;

  RetentionController(Retention retention) {
    this.retention = retention;
  }

  /**
   * Returns what the next run of the retention would delete, without deleting it: a caller with a
   * tenant gets the numbers of its tenant, an operator those of all tenants.
   */
  @GetMapping
  @SelectableFields
  RetentionPlan plan() {
    return retention.plan();
  }
}
