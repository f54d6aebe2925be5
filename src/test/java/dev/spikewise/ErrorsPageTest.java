package dev.spikewise;

import com.github.therapi.runtimejavadoc.CommentFormatter;
import com.github.therapi.runtimejavadoc.RuntimeJavadoc;
import dev.spikewise.job.Reason;
import dev.spikewise.problem.Problem;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** The page of error codes and reasons, written from the two enums that define them. */
class ErrorsPageTest {

  @Test
  void everyCodeAndReasonIsOnThePage() throws IOException {
    var page =
        new StringBuilder(
            """
            # Error codes

            Every response with a status of 400 or above is an `application/problem+json` (RFC 9457) with `type`, `title`, `status`,
            `detail`, `instance`, `code` and, for mistakes in a body, `errors` with the JSON pointer of each. 400 means that the
            request cannot be read; 422, that it can be read but not be trained. `ErrorsPageTest` writes this page.

            | code | status | title | |
            |---|---|---|---|
            """);
    for (var code : Problem.Code.values()) {
      page.append(
          "| `%s` | %d | %s | %s |\n"
              .formatted(
                  code.word(),
                  code.status(),
                  Problem.of(code, "").title(),
                  comment(Problem.Code.class, code)));
    }
    page.append(
        """

        ## Reasons of a job's state

        | reason | title | |
        |---|---|---|
        """);
    for (var reason : Reason.values()) {
      page.append(
          "| `%s` | %s | %s |\n"
              .formatted(
                  reason.name().toLowerCase(Locale.ROOT),
                  reason.title(),
                  comment(Reason.class, reason)));
    }
    WrittenPage.assertUpToDate(Path.of("src/docs/reference/errors.md"), page.toString());
  }

  private static String comment(Class<?> type, Enum<?> constant) {
    return RuntimeJavadoc.getJavadoc(type).getEnumConstants().stream()
        .filter(field -> field.getName().equals(constant.name()))
        .findFirst()
        .map(field -> new CommentFormatter().format(field.getComment()))
        .map(text -> text.replaceAll("</?code>", "`").replaceAll("\\s+", " ").strip())
        .orElse("");
  }
}
