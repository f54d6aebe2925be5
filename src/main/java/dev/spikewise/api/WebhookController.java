package dev.spikewise.api;

import dev.spikewise.problem.IfMatch;
import dev.spikewise.spec.Page;
import dev.spikewise.web.Idempotency;
import dev.spikewise.web.Links;
import dev.spikewise.web.PageQuery;
import dev.spikewise.web.SelectableFields;
import dev.spikewise.webhook.Delivery;
import dev.spikewise.webhook.Webhook;
import dev.spikewise.webhook.Webhooks;
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

/** Webhooks, which deliver job events in requests signed according to Standard Webhooks. */
@RestController
@RequestMapping(WebhookController.PATH)
class WebhookController {

  static final String PATH = "/api/v1/webhooks";

  /** A webhook never changes. */
  private static final String VERSION = "0";

  private final Webhooks webhooks;

  WebhookController(Webhooks webhooks) {
    this.webhooks = webhooks;
  }

  /**
   * Creates a webhook. The response contains the signing secret only once: a repeat with the same
   * Idempotency-Key gets the answer without it.
   */
  @PostMapping
  @ResponseStatus(HttpStatus.CREATED)
  ResponseEntity<Webhook> create(
      @RequestBody Webhook.Definition definition, HttpServletRequest request) {
    var webhook = webhooks.create(definition);
    Idempotency.keep(request, webhook.withoutSecret());
    return ResponseEntity.created(URI.create(Links.to(PATH + "/" + webhook.id()))).body(webhook);
  }

  /** Lists webhooks, newest first. */
  @GetMapping
  @SelectableFields
  Page<Webhook> list(@ParameterObject PageQuery page) {
    return webhooks.list(page.size(), page.before());
  }

  /** Returns a webhook without its secret. */
  @GetMapping("/{id}")
  ResponseEntity<Webhook> get(@PathVariable UUID id) {
    return ResponseEntity.ok().eTag(VERSION).body(webhooks.get(id));
  }

  /** Deletes a webhook. */
  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(
      @PathVariable UUID id,
      @RequestHeader(name = HttpHeaders.IF_MATCH, required = false) @Nullable String ifMatch) {
    webhooks.get(id);
    IfMatch.of(ifMatch).require(VERSION);
    webhooks.delete(id);
  }

  /** Lists the deliveries of a webhook, newest first. */
  @GetMapping("/{id}/deliveries")
  Page<Delivery> deliveries(@PathVariable UUID id, @ParameterObject PageQuery page) {
    return webhooks.deliveries(id, page.size(), page.before());
  }
}
