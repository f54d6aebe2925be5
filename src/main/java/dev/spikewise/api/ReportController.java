package dev.spikewise.api;

import dev.spikewise.job.Jobs;
import dev.spikewise.job.Report;
import java.util.UUID;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;

/**
 * Reports of a job's outcome, in the format that the Accept header or the extension of the path
 * selects.
 */
@RestController
@RequestMapping(JobController.PATH + "/{id}")
class ReportController {

  private final Jobs jobs;

  ReportController(Jobs jobs) {
    this.jobs = jobs;
  }

  /** Returns a report of a job's results and gates. */
  @GetMapping(path = "/report", produces = MediaType.APPLICATION_JSON_VALUE)
  JobController.Resource json(@PathVariable UUID id) {
    return JobController.Resource.of(jobs.get(id));
  }

  /** Returns a report of a job's results and gates. */
  @GetMapping(
      path = {"/report", "/report.md"},
      produces = "text/markdown;charset=UTF-8")
  String markdown(@PathVariable UUID id) {
    return Report.markdown(jobs.get(id));
  }

  /** Returns a report of a job's results and gates. */
  @GetMapping(
      path = {"/report", "/report.xml"},
      produces = "application/xml;charset=UTF-8")
  String junit(@PathVariable UUID id) {
    return Report.junit(jobs.get(id));
  }
}
