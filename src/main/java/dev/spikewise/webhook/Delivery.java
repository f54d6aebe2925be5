package dev.spikewise.webhook;

import com.fasterxml.jackson.annotation.JsonValue;
import java.time.Instant;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Delivery of one event to one webhook.
 *
 * @param attempts Number of attempts so far.
 * @param nextAttemptAt Time of the next attempt; only while the delivery is pending.
 * @param responseStatus HTTP status of the last attempt; null where there was no response.
 * @param error Error of the last attempt; null where there was a response.
 * @param id Id of the delivery, which the receiver sees as well.
 * @param event Name of the event, such as {@code job.succeeded}.
 * @param status Current state of the delivery.
 * @param createdAt Time of the event (RFC 3339).
 */
public record Delivery(
    UUID id,
    String event,
    Status status,
    int attempts,
    @Nullable Instant nextAttemptAt,
    @Nullable Integer responseStatus,
    @Nullable String error,
    Instant createdAt) {

  public enum Status {
    PENDING,
    DELIVERED,
    /** All attempts failed, or the receiver said that it is gone (410). */
    FAILED;

    @JsonValue
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Event: a delivery attempt was made, after which the delivery has the given status. */
  public record Attempted(Status status) {}
}
