package dev.spikewise.problem;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.spikewise.problem.Mistakes.Mistake;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Problem details (RFC 9457): the body of every response with a status of 400 or above, and the
 * error of a failed job.
 *
 * @param type URI of the kind of problem, one per code.
 * @param instance Path of the request; null where no request failed.
 * @param errors All mistakes, each with the JSON pointer of its place in the body; empty where the
 *     problem has no place.
 * @param allowedActions Actions that the state of the resource allows instead; null where that does
 *     not apply.
 * @param title Short description of the code.
 * @param status HTTP status of the response.
 * @param detail Description of what was wrong, what was expected and what to do.
 * @param code Fixed word that clients may branch on.
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Problem(
    String type,
    String title,
    int status,
    String detail,
    @Nullable String instance,
    Code code,
    List<Mistake> errors,
    @Nullable List<String> allowedActions) {

  /** Fixed words for the kinds of problems; clients may branch on them. */
  public enum Code {
    /** The body is not valid JSON, or is empty although one is required. */
    MALFORMED_BODY(400, "Malformed body"),
    /** A query parameter, header or part is missing or has an invalid value. */
    INVALID_PARAMETER(400, "Invalid parameter"),
    /** The request has no credentials or unknown ones. */
    UNAUTHORIZED(401, "Authentication required"),
    /**
     * The role of the credential does not allow this, or the request comes from another site's
     * page.
     */
    FORBIDDEN(403, "Not allowed"),
    /** There is no resource with this path or id. */
    NOT_FOUND(404, "Not found"),
    METHOD_NOT_ALLOWED(405, "Method not allowed"),
    NOT_ACCEPTABLE(406, "Not acceptable"),
    /** The body was not received in time. */
    REQUEST_TIMEOUT(408, "Request timeout"),
    /** The current state of the resource does not allow the request. */
    CONFLICT(409, "Conflict with the current state"),
    /** The resource has another version than If-Match names. */
    PRECONDITION_FAILED(412, "Resource has changed"),
    CONTENT_TOO_LARGE(413, "Body too large"),
    UNSUPPORTED_MEDIA_TYPE(415, "Unsupported media type"),
    /** The body can be read, but its content is invalid; {@code errors} lists every mistake. */
    INVALID_SPEC(422, "Invalid specification"),
    /** The Idempotency-Key was already used with a different body. */
    IDEMPOTENCY_KEY_REUSED(422, "Idempotency key already used for another request"),
    /** The tenant has reached one of its quotas. */
    QUOTA_EXCEEDED(429, "Quota exceeded"),
    /** The service failed; its log has the details. */
    INTERNAL_ERROR(500, "Internal error"),
    UNAVAILABLE(503, "Service unavailable");

    private final int status;
    private final String title;

    Code(int status, String title) {
      this.status = status;
      this.title = title;
    }

    public int status() {
      return status;
    }

    /** Returns the code for an HTTP status without further information. */
    public static Code of(int status) {
      return switch (status) {
        case 401 -> UNAUTHORIZED;
        case 403 -> FORBIDDEN;
        case 404 -> NOT_FOUND;
        case 405 -> METHOD_NOT_ALLOWED;
        case 406 -> NOT_ACCEPTABLE;
        case 408 -> REQUEST_TIMEOUT;
        case 409 -> CONFLICT;
        case 412 -> PRECONDITION_FAILED;
        case 413 -> CONTENT_TOO_LARGE;
        case 415 -> UNSUPPORTED_MEDIA_TYPE;
        case 503 -> UNAVAILABLE;
        default -> status >= 500 ? INTERNAL_ERROR : INVALID_PARAMETER;
      };
    }

    @JsonValue
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public static Problem of(Code code, String detail) {
    return new Problem(
        "urn:spikewise:problem:" + code.word(),
        code.title,
        code.status,
        detail,
        null,
        code,
        List.of(),
        null);
  }

  public static Problem of(InvalidSpecException e) {
    return of(Code.INVALID_SPEC, String.valueOf(e.getMessage())).withErrors(e.mistakes());
  }

  public Problem withErrors(List<Mistake> errors) {
    return new Problem(
        type, title, status, detail, instance, code, List.copyOf(errors), allowedActions);
  }

  public Problem withAllowedActions(List<String> allowedActions) {
    return new Problem(
        type, title, status, detail, instance, code, errors, List.copyOf(allowedActions));
  }

  public Problem at(String instance) {
    return new Problem(type, title, status, detail, instance, code, errors, allowedActions);
  }
}
