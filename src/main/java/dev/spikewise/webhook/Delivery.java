package dev.spikewise.webhook;

import com.fasterxml.jackson.annotation.JsonValue;
import java.time.Instant;
import java.util.Locale;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * One event on its way to one receiver.
 *
 * @param attempts so far
 * @param nextAttemptAt only while pending
 * @param responseStatus of the last attempt; null where there was no answer
 * @param error of the last attempt; null where there was an answer
 * @param id that the receiver sees too
 * @param event such as job.succeeded
 * @param status what became of it
 * @param createdAt when it happened
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

  /** An attempt was made; it left the delivery as {@code status}. */
  public record Attempted(Status status) {}
}
