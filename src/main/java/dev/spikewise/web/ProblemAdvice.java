package dev.spikewise.web;

import dev.spikewise.interop.UnreadableFileException;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Problem;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.store.DamagedContentException;
import dev.spikewise.store.ObjectStoreException;
import dev.spikewise.store.Outage;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.util.Locale;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.coyote.BadRequestException;
import org.apache.tomcat.util.http.InvalidParameterException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.TypeMismatchException;
import org.springframework.boot.webmvc.error.ErrorController;
import org.springframework.dao.ConcurrencyFailureException;
import org.springframework.dao.DataAccessException;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.dao.QueryTimeoutException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.http.converter.HttpMessageNotReadableException;
import org.springframework.security.web.firewall.RequestRejectedException;
import org.springframework.transaction.TransactionException;
import org.springframework.web.ErrorResponse;
import org.springframework.web.HttpMediaTypeException;
import org.springframework.web.bind.MethodArgumentNotValidException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.ServletWebRequest;
import org.springframework.web.context.request.WebRequest;
import org.springframework.web.method.annotation.MethodArgumentTypeMismatchException;
import org.springframework.web.multipart.MultipartException;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import org.springframework.web.servlet.resource.NoResourceFoundException;
import org.springframework.web.util.DisconnectedClientHelper;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.StreamConstraintsException;

/** Converts every exception of a request to a {@link Problem}. */
@RestControllerAdvice
public class ProblemAdvice extends ResponseEntityExceptionHandler {

  private static final Logger LOG = LoggerFactory.getLogger(ProblemAdvice.class);

  private static final Pattern CONSTRAINT =
      Pattern.compile("`StreamReadConstraints\\.get(\\w+)\\(\\)`");

  private static final String SETTING = "spring.jackson.factory.constraints.read.";

  /** Jackson's description of the location, which is useless because the source is hidden. */
  private static final Pattern SOURCE =
      Pattern.compile(" \\((start marker )?at \\[Source: [^]]*\\]\\)");

  private final ProblemWriter answers;

  public ProblemAdvice(ProblemWriter answers) {
    this.answers = answers;
  }

  @ExceptionHandler
  @Nullable ResponseEntity<Object> invalidSpec(InvalidSpecException e, WebRequest request) {
    return answer(e, Problem.of(e), new HttpHeaders(), request);
  }

  @ExceptionHandler
  @Nullable ResponseEntity<Object> problem(ProblemException e, WebRequest request) {
    var headers = new HttpHeaders();
    if (e.retryAfterSeconds() instanceof Integer seconds) {
      headers.set(HttpHeaders.RETRY_AFTER, seconds.toString());
    }
    return answer(e, e.problem(), headers, request);
  }

  @ExceptionHandler
  @Nullable ResponseEntity<Object> unreadableFile(UnreadableFileException e, WebRequest request) {
    return answer(
        e,
        Problem.of(Code.MALFORMED_BODY, String.valueOf(e.getMessage())),
        new HttpHeaders(),
        request);
  }

  /** A multipart body or form that Tomcat cannot parse. */
  @ExceptionHandler
  @Nullable ResponseEntity<Object> unreadableForm(InvalidParameterException e, WebRequest request) {
    return answer(e, unreadableForm(e), new HttpHeaders(), request);
  }

  private static Problem unreadableForm(InvalidParameterException e) {
    return Problem.of(
        Code.of(e.getErrorCode()), "the parameters cannot be read: " + e.getMessage());
  }

  /** Whether the client paused for longer than {@code server.tomcat.connection-timeout}. */
  private static boolean isStalled(@Nullable Throwable e) {
    return e != null && (e instanceof SocketTimeoutException || isStalled(e.getCause()));
  }

  private static Problem stalled() {
    return Problem.of(
        Code.REQUEST_TIMEOUT,
        "the body stalled for longer than server.tomcat.connection-timeout"
            + " allows: send the request again");
  }

  /** Closes the connection without waiting for the rest of the body. */
  private @Nullable ResponseEntity<Object> stalled(Exception e, WebRequest request) {
    LOG.debug("The client stalled while sending the body of {}", path(request));
    var close = new HttpHeaders();
    close.set(HttpHeaders.CONNECTION, "close");
    return answer(e, stalled(), close, request);
  }

  @ExceptionHandler
  @Nullable ResponseEntity<Object> unreadableParts(MultipartException e, WebRequest request) {
    if (isStalled(e)) {
      return stalled(e, request);
    }
    var problem =
        Problem.of(
            Code.MALFORMED_BODY,
            "Malformed or truncated multipart body: send multipart/form-data with a matching"
                + " boundary and all parts.");
    return answer(e, problem, new HttpHeaders(), request);
  }

  /**
   * Two requests changed the same row, or a request refers to a row that another one has just
   * deleted.
   */
  @ExceptionHandler({ConcurrencyFailureException.class, DataIntegrityViolationException.class})
  @Nullable ResponseEntity<Object> atTheSameTime(DataAccessException e, WebRequest request) {
    LOG.warn("Conflicting writes in the database", e);
    var problem =
        Problem.of(
            Code.CONFLICT, "another request changed the same resource at the same time: try again");
    return answer(e, problem, new HttpHeaders(), request);
  }

  @ExceptionHandler
  @Nullable ResponseEntity<Object> tooSlow(QueryTimeoutException e, WebRequest request) {
    LOG.warn("A database query timed out: {}", e.toString());
    return unavailable(
        e,
        "the database took longer than spikewise.database.read-timeout allows; use fewer or"
            + " narrower filters, or try again later",
        request);
  }

  @ExceptionHandler({DataAccessException.class, TransactionException.class})
  @Nullable ResponseEntity<Object> noDatabase(Exception e, WebRequest request) {
    var outage = Outage.behind(e);
    if (outage == null) {
      return anythingElse(e, request);
    }
    LOG.error("The database does not respond or cannot write: {}", outage);
    return unavailable(
        e, "the database does not respond or has no space left: try again later", request);
  }

  @ExceptionHandler
  @Nullable ResponseEntity<Object> noObjectStore(ObjectStoreException e, WebRequest request) {
    LOG.error("The store of large objects cannot be used: {}", e.getMessage());
    return unavailable(
        e,
        "the store of data sets, checkpoints and weights does not respond: try again later",
        request);
  }

  private @Nullable ResponseEntity<Object> unavailable(
      Exception e, String detail, WebRequest request) {
    var later = new HttpHeaders();
    later.set(HttpHeaders.RETRY_AFTER, "5");
    return answer(e, Problem.of(Code.UNAVAILABLE, detail), later, request);
  }

  @ExceptionHandler
  @Nullable ResponseEntity<Object> damaged(DamagedContentException e, WebRequest request) {
    LOG.error("A request failed because of a damaged content: {}", e.getMessage());
    return answer(
        e,
        Problem.of(Code.INTERNAL_ERROR, "a stored content cannot be read: " + e.getMessage()),
        new HttpHeaders(),
        request);
  }

  /** The request needs more memory than is free, such as a file that unpacks to a large size. */
  @ExceptionHandler
  @Nullable ResponseEntity<Object> noRoom(OutOfMemoryError e, WebRequest request) {
    LOG.error("A request failed because the heap is exhausted", e);
    var problem =
        Problem.of(
            Code.CONTENT_TOO_LARGE,
            "the request needs more memory than the server has free: send a smaller request, or try"
                + " again later");
    return answer(new IllegalStateException(e), problem, new HttpHeaders(), request);
  }

  /** A header that Spring Security's firewall rejects only when it is read. */
  @ExceptionHandler
  @Nullable ResponseEntity<Object> rejected(RequestRejectedException e, WebRequest request) {
    var problem =
        Problem.of(Code.INVALID_PARAMETER, "a header contains control characters: remove them");
    return answer(e, problem, new HttpHeaders(), request);
  }

  @ExceptionHandler
  @Nullable ResponseEntity<Object> brokenTransfer(BadRequestException e, WebRequest request) {
    return answer(e, brokenTransfer(e), new HttpHeaders(), request);
  }

  /** Tomcat throws a plain IOException when a request is read again after such an exception. */
  private static boolean isBrokenTransfer(IOException e) {
    return e instanceof BadRequestException
        || Stream.of(e.getStackTrace())
            .findFirst()
            .filter(place -> place.getClassName().startsWith("org.apache.coyote.http11.filters."))
            .isPresent();
  }

  /** A body with malformed chunked encoding. */
  private static Problem brokenTransfer(IOException e) {
    return Problem.of(Code.MALFORMED_BODY, "the body cannot be read: " + e.getMessage());
  }

  @ExceptionHandler
  @Nullable ResponseEntity<Object> anythingElse(Exception e, WebRequest request) {
    return handleExceptionInternal(
        e, null, new HttpHeaders(), HttpStatus.INTERNAL_SERVER_ERROR, request);
  }

  /** Handles all of Spring's exceptions and all unexpected ones. */
  @Override
  protected @Nullable ResponseEntity<Object> handleExceptionInternal(
      Exception e,
      @Nullable Object body,
      HttpHeaders headers,
      HttpStatusCode status,
      WebRequest request) {
    if (isStalled(e)) {
      return stalled(e, request);
    }
    if (DisconnectedClientHelper.isClientDisconnectedException(e)) {
      // The client has disconnected, which is not a fault of the service.
      LOG.debug("The client disconnected before the response of {} was sent", path(request));
      return null;
    }
    var detail = e instanceof ErrorResponse springs ? springs.getBody().getDetail() : null;
    return answer(e, springs(e, status, detail == null ? "" : detail, request), headers, request);
  }

  private @Nullable ResponseEntity<Object> answer(
      Exception e, Problem problem, HttpHeaders headers, WebRequest request) {
    var answer = answers.of(problem.at(path(request)), ((ServletWebRequest) request).getRequest());
    var all = new HttpHeaders();
    all.putAll(headers);
    all.putAll(answer.getHeaders());
    return super.handleExceptionInternal(e, answer.getBody(), all, answer.getStatusCode(), request);
  }

  private static Problem springs(
      Exception e, HttpStatusCode status, String detail, WebRequest request) {
    return switch (e) {
      case HttpMessageNotReadableException unreadable -> unreadable(unreadable);
      case NoResourceFoundException nothing ->
          Problem.of(Code.NOT_FOUND, "there is nothing at " + path(request));
      case MethodArgumentTypeMismatchException mismatch
          when mismatch.getParameter().hasParameterAnnotation(PathVariable.class) ->
          Problem.of(Code.NOT_FOUND, "there is nothing at " + path(request));
      case TypeMismatchException mismatch ->
          Problem.of(
              Code.INVALID_PARAMETER,
              mismatch.getPropertyName() + " cannot be \"" + mismatch.getValue() + "\"");
      case MethodArgumentNotValidException invalid ->
          Problem.of(
              Code.INVALID_PARAMETER,
              invalid.getFieldErrors().stream()
                  .map(
                      error -> error.getField() + " cannot be \"" + error.getRejectedValue() + "\"")
                  .collect(Collectors.joining("; ")));
      case HttpMediaTypeException media when !media.getSupportedMediaTypes().isEmpty() ->
          Problem.of(
              Code.of(status.value()),
              detail + " Supported: " + MediaType.toString(media.getSupportedMediaTypes()) + ".");
      default ->
          status.is5xxServerError()
              ? internalError(e)
              : Problem.of(Code.of(status.value()), detail);
    };
  }

  private static Problem unreadable(HttpMessageNotReadableException e) {
    if (e.getCause() instanceof StreamConstraintsException tooMuch) {
      return Problem.of(Code.CONTENT_TOO_LARGE, constraint(tooMuch.getOriginalMessage()));
    }
    if (e.getCause() instanceof JacksonException json) {
      var at = json.getLocation();
      var place =
          at == null ? "" : " (line " + at.getLineNr() + ", column " + at.getColumnNr() + ")";
      return Problem.of(
          Code.MALFORMED_BODY,
          "the body is not valid JSON: "
              + SOURCE.matcher(json.getOriginalMessage()).replaceAll("")
              + place);
    }
    return Problem.of(
        Code.MALFORMED_BODY, "the body is missing or truncated: send the whole JSON document");
  }

  /**
   * Replaces the method that Jackson's message names by the setting that an operator can change.
   */
  private static String constraint(String message) {
    return CONSTRAINT
        .matcher(message)
        .replaceAll(
            method ->
                SETTING + method.group(1).replaceAll("\\B([A-Z])", "-$1").toLowerCase(Locale.ROOT));
  }

  /** Contains no details of the fault, only an id that the log entry has too. */
  private static Problem internalError(Throwable e) {
    var id = UUID.randomUUID();
    LOG.error("Internal error {}", id, e);
    return Problem.of(
        Code.INTERNAL_ERROR,
        "the service failed: report this error together with the log entry " + id);
  }

  private static String path(WebRequest request) {
    return ((ServletWebRequest) request).getRequest().getRequestURI();
  }

  /** Answers errors that come from a filter or occur before a controller is called. */
  @RestController
  static class FallbackErrorController implements ErrorController {

    private final ProblemWriter answers;

    FallbackErrorController(ProblemWriter answers) {
      this.answers = answers;
    }

    @RequestMapping("${spring.web.error.path:/error}")
    ResponseEntity<byte[]> error(HttpServletRequest request) {
      var status =
          request.getAttribute(RequestDispatcher.ERROR_STATUS_CODE) instanceof Integer s ? s : 404;
      var path =
          request.getAttribute(RequestDispatcher.ERROR_REQUEST_URI) instanceof String uri
              ? uri
              : request.getRequestURI();
      var code = Code.of(status);
      var problem =
          switch (request.getAttribute(RequestDispatcher.ERROR_EXCEPTION)) {
            case Throwable e when isStalled(e) -> stalled();
            case InvalidParameterException e -> unreadableForm(e);
            case IOException e when isBrokenTransfer(e) -> brokenTransfer(e);
            case Throwable e -> internalError(e);
            case null, default ->
                Problem.of(
                    code,
                    code == Code.NOT_FOUND
                        ? "there is nothing at " + path
                        : "the request cannot be answered");
          };
      return answers.of(problem.at(path), request);
    }
  }
}
