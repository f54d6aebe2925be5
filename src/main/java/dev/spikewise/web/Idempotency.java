package dev.spikewise.web;

import dev.spikewise.compute.Caller;
import dev.spikewise.compute.Compute;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.store.Sha256;
import dev.spikewise.tenant.Tenants;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.dao.DuplicateKeyException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpMethod;
import org.springframework.http.HttpStatusCode;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.security.authentication.AnonymousAuthenticationToken;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.stereotype.Component;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.TransactionDefinition;
import org.springframework.transaction.TransactionStatus;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.multipart.MultipartHttpServletRequest;
import org.springframework.web.multipart.support.StandardServletMultipartResolver;
import org.springframework.web.servlet.HandlerExceptionResolver;
import org.springframework.web.util.ContentCachingResponseWrapper;
import tools.jackson.databind.json.JsonMapper;

/**
 * Executes a POST with an {@code Idempotency-Key} once and returns the stored response to
 * repetitions. The effect of the request and its response are stored in one transaction, so that
 * neither exists without the other; a concurrent repetition waits for the first request at the row
 * of the key. While the request computes, the transaction is suspended and nothing has been
 * written. A response that reports a problem is not stored, because the request had no effect.
 */
@Component
public final class Idempotency extends OncePerRequestFilter {

  private static final String KEY = "Idempotency-Key";

  /**
   * Request attribute with the body that a repetition receives in place of the first response's
   * body.
   */
  private static final String KEPT = Idempotency.class.getName() + ".kept";

  private final JdbcClient jdbc;
  private final JsonMapper json;
  private final PlatformTransactionManager transactions;
  private final HandlerExceptionResolver problems;
  private final Compute compute;
  private final Duration ttl;

  public Idempotency(
      JdbcClient jdbc,
      JsonMapper json,
      PlatformTransactionManager transactions,
      @Qualifier("handlerExceptionResolver") HandlerExceptionResolver problems,
      Compute compute,
      HttpSettings settings) {
    this.jdbc = jdbc;
    this.json = json;
    this.compute = compute;
    this.transactions = transactions;
    this.problems = problems;
    this.ttl = settings.idempotencyTtl();
  }

  /**
   * Stores {@code body} for repetitions of this request in place of the actual response, which
   * contains a secret that must not be stored or returned again.
   */
  public static void keep(HttpServletRequest request, Object body) {
    request.setAttribute(KEPT, body);
  }

  private record Answer(
      String fingerprint,
      int status,
      @Nullable String location,
      @Nullable String etag,
      @Nullable String contentType,
      byte[] body) {

    void replay(HttpServletResponse response) throws IOException {
      response.setStatus(status);
      response.setHeader(HttpHeaders.LOCATION, location);
      response.setHeader(HttpHeaders.ETAG, etag);
      response.setContentType(contentType);
      response.setHeader("Idempotency-Replayed", "true");
      response.getOutputStream().write(body);
    }
  }

  @Override
  protected boolean shouldNotFilter(HttpServletRequest request) {
    return !HttpMethod.POST.matches(request.getMethod()) || request.getHeader(KEY) == null;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    try {
      once(request, response, chain);
    } catch (IOException | RuntimeException e) {
      if (problems.resolveException(request, response, null, e) == null) {
        throw e;
      }
    }
  }

  private void once(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    var key = request.getHeader(KEY);
    if (!key.matches("[\\x21-\\x7e]{1,255}")) {
      throw new ProblemException(
          Code.INVALID_PARAMETER, KEY + " must be 1 to 255 visible ASCII characters");
    }
    var id = hex(Sha256.digest(), owner() + "\n" + key);
    var repeatable =
        Body.isMultipart(request)
            ? request
            : new Body(request, request.getInputStream().readAllBytes());
    var fingerprint = fingerprint(repeatable);
    jdbc.sql("delete from idempotency where created_at < ?").param(now().minus(ttl)).update();
    var first = find(id);
    if (first.isEmpty()) {
      try {
        execute(id, fingerprint, repeatable, response, chain);
        return;
      } catch (DuplicateKeyException e) {
        first = Optional.of(find(id).orElseThrow(() -> e));
      }
    }
    var answer = first.get();
    if (!answer.fingerprint().equals(fingerprint)) {
      throw new ProblemException(
          Code.IDEMPOTENCY_KEY_REUSED,
          "this "
              + KEY
              + " was already used for a different request: use a new key for each request");
    }
    answer.replay(response);
  }

  /**
   * Owner of a key. It combines tenant, kind and name of the caller, because tenants may use the
   * same names and a user may have the name of an API key.
   */
  private static String owner() {
    var caller = SecurityContextHolder.getContext().getAuthentication();
    if (caller == null || caller instanceof AnonymousAuthenticationToken) {
      return "";
    }
    return String.join(
        "\n", Tenants.of(caller).orElse(""), caller.getClass().getSimpleName(), caller.getName());
  }

  private void execute(
      String id,
      String fingerprint,
      HttpServletRequest request,
      HttpServletResponse response,
      FilterChain chain)
      throws ServletException, IOException {
    var answer = new ContentCachingResponseWrapper(response);
    var caller = Caller.current();
    try (var transaction = new KeyTransaction(id, fingerprint)) {
      transaction.enter();
      if (caller != null) {
        caller.surround(transaction);
      }
      chain.doFilter(request, answer);
      transaction.requireKey();
      if (HttpStatusCode.valueOf(answer.getStatus()).is2xxSuccessful()) {
        var kept = request.getAttribute(KEPT);
        save(
            id,
            answer,
            kept == null ? answer.getContentAsByteArray() : json.writeValueAsBytes(kept));
        transaction.commit();
      }
    } finally {
      if (caller != null) {
        caller.surround(null);
      }
    }
    answer.copyBodyToResponse();
  }

  /** The transaction in which a key is inserted and its request is executed. */
  private final class KeyTransaction implements Caller.Surrounding, AutoCloseable {

    private final String id;
    private final String fingerprint;
    private @Nullable TransactionStatus status;
    private @Nullable DuplicateKeyException taken;

    KeyTransaction(String id, String fingerprint) {
      this.id = id;
      this.fingerprint = fingerprint;
    }

    @Override
    public void enter() {
      status = transactions.getTransaction(TransactionDefinition.withDefaults());
      try {
        jdbc.sql("insert into idempotency (id, fingerprint, created_at) values (?, ?, ?)")
            .params(id, fingerprint, now())
            .update();
      } catch (DuplicateKeyException e) {
        leave();
        taken = e;
        throw e;
      }
    }

    @Override
    public void leave() {
      if (status != null) {
        transactions.rollback(status);
        status = null;
      }
    }

    /** Throws when another request with the same key was executed while this one computed. */
    void requireKey() {
      if (taken != null) {
        throw taken;
      }
    }

    void commit() {
      var open = Objects.requireNonNull(status);
      status = null;
      transactions.commit(open);
    }

    @Override
    public void close() {
      leave();
    }
  }

  private void save(String id, ContentCachingResponseWrapper answer, byte[] body) {
    jdbc.sql(
            "update idempotency set status = ?, location = ?, etag = ?, content_type = ?, body = ?"
                + " where id = ?")
        .param(answer.getStatus())
        .param(answer.getHeader(HttpHeaders.LOCATION))
        .param(answer.getHeader(HttpHeaders.ETAG))
        .param(answer.getContentType())
        .param(body)
        .param(id)
        .update();
  }

  private Optional<Answer> find(String id) {
    return jdbc.sql(
            "select fingerprint, status, location, etag, content_type, body from idempotency where"
                + " id = ?")
        .param(id)
        .query(
            (row, number) ->
                new Answer(
                    row.getString(1),
                    row.getInt(2),
                    row.getString(3),
                    row.getString(4),
                    row.getString(5),
                    row.getBytes(6)))
        .optional();
  }

  private String fingerprint(HttpServletRequest request) throws IOException {
    if (!Body.isMultipart(request)) {
      var digest = Sha256.digest();
      update(digest, request.getInputStream());
      return hex(digest, place(request) + " " + request.getContentType());
    }
    // The body is received on the request's thread, so that a slow client blocks nobody, and hashed
    // in the pool.
    var parts = new StandardServletMultipartResolver().resolveMultipart(request);
    return compute.run(
        _ -> {
          try {
            return fingerprint(parts);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  private static String fingerprint(MultipartHttpServletRequest parts) throws IOException {
    var digest = Sha256.digest();
    for (var file : parts.getFileMap().entrySet()) {
      digest.update(file.getKey().getBytes(StandardCharsets.UTF_8));
      try (var in = file.getValue().getInputStream()) {
        update(digest, in);
      }
    }
    for (var field : parts.getParameterMap().entrySet()) {
      digest.update(
          (field.getKey() + String.join("\n", field.getValue())).getBytes(StandardCharsets.UTF_8));
    }
    return hex(digest, place(parts));
  }

  private static String place(HttpServletRequest request) {
    return request.getRequestURI() + "?" + Objects.requireNonNullElse(request.getQueryString(), "");
  }

  private static void update(MessageDigest digest, InputStream in) throws IOException {
    in.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), digest));
  }

  private static String hex(MessageDigest digest, String last) {
    digest.update(last.getBytes(StandardCharsets.UTF_8));
    return Sha256.hex(digest);
  }

  private static OffsetDateTime now() {
    return OffsetDateTime.now(ZoneOffset.UTC);
  }
}
