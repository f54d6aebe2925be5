package dev.spikewise.problem;

import dev.spikewise.problem.Problem.Code;
import org.jspecify.annotations.Nullable;

/** Ends a request with a {@link Problem}. */
public final class ProblemException extends RuntimeException {

  private final transient Problem problem;
  private final @Nullable Integer retryAfterSeconds;

  public ProblemException(Problem problem) {
    this(problem, null);
  }

  private ProblemException(Problem problem, @Nullable Integer retryAfterSeconds) {
    super(problem.detail());
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  public ProblemException(Code code, String detail) {
    this(Problem.of(code, detail));
  }

  /**
   * @param kind kind of the missing resource, such as "model" or "job"
   */
  public static ProblemException notFound(String kind, String id) {
    return new ProblemException(Code.NOT_FOUND, "there is no " + kind + " with the id " + id);
  }

  /** A temporary refusal with status 503. */
  public static ProblemException unavailable(String detail, int retryAfterSeconds) {
    return new ProblemException(Problem.of(Code.UNAVAILABLE, detail), retryAfterSeconds);
  }

  /** Value of Retry-After in seconds; null when a retry would not help. */
  public @Nullable Integer retryAfterSeconds() {
    return retryAfterSeconds;
  }

  public Problem problem() {
    return problem;
  }
}
