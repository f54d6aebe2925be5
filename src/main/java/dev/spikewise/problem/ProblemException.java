package dev.spikewise.problem;

import dev.spikewise.problem.Problem.Code;

/** Ends a request with a {@link Problem}. */
public final class ProblemException extends RuntimeException {

  private final transient Problem problem;

  public ProblemException(Problem problem) {
    super(problem.detail());
    this.problem = problem;
  }

  public ProblemException(Code code, String detail) {
    this(Problem.of(code, detail));
  }

  /**
   * @param kind what there is none of: "model", "job"
   */
  public static ProblemException notFound(String kind, String id) {
    return new ProblemException(Code.NOT_FOUND, "there is no " + kind + " with the id " + id);
  }

  public Problem problem() {
    return problem;
  }
}
