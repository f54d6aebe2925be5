package dev.spikewise.api;

import dev.spikewise.problem.IfMatch;
import dev.spikewise.security.Key;
import dev.spikewise.security.Keys;
import dev.spikewise.spec.Page;
import dev.spikewise.web.Idempotency;
import dev.spikewise.web.Links;
import dev.spikewise.web.PageQuery;
import dev.spikewise.web.SelectableFields;
import jakarta.servlet.http.HttpServletRequest;
import java.net.URI;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.springdoc.core.annotations.ParameterObject;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** API keys. Only administrators may use these operations. */
@RestController
@RequestMapping(KeyController.PATH)
class KeyController {

  static final String PATH = "/api/v1/keys";

  private final Keys keys;

  KeyController(Keys keys) {
    this.keys = keys;
  }

  /**
   * Creates an API key. The response contains the secret only once: a repeat with the same
   * Idempotency-Key gets the answer without it. The key is accepted at once by every replica.
   */
  @PostMapping
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<Key> create(@RequestBody Key.Definition definition, HttpServletRequest request) {
    var key = keys.create(definition);
    Idempotency.keep(request, key.withoutSecret());
    return ResponseEntity.created(URI.create(Links.to(PATH + "/" + key.id()))).body(key);
  }

  /** Lists API keys without their secrets, newest first; the configured ones come last. */
  @GetMapping
  @SelectableFields
  Page<Key> list(@ParameterObject PageQuery page) {
    return keys.list(page.size(), page.before());
  }

  /** Returns an API key without its secret. */
  @GetMapping("/{id}")
  ResponseEntity<Key> get(@PathVariable UUID id) {
    return ResponseEntity.ok().eTag(keys.version(id)).body(keys.get(id));
  }

  /**
   * Gives an API key a new secret, which the response contains only once. The secret before is
   * refused within 5 seconds by every replica, or after the overlap that the body asks for.
   */
  @PostMapping("/{id}/rotate")
  Key rotate(
      @PathVariable UUID id,
      @RequestBody(required = false) Key.@Nullable Rotation rotation,
      HttpServletRequest request) {
    var key = keys.rotate(id, rotation == null ? Key.Rotation.AT_ONCE : rotation);
    Idempotency.keep(request, key.withoutSecret());
    return key;
  }

  /** Ends an API key. Every replica refuses it within 5 seconds. */
  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(
      @PathVariable UUID id,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    keys.end(id, IfMatch.of(ifMatch));
  }
}
