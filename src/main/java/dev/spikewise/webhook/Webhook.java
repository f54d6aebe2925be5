package dev.spikewise.webhook;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.spikewise.job.JobState;
import dev.spikewise.problem.Checked;
import dev.spikewise.problem.Mistakes;
import java.net.URI;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Subscription to events.
 *
 * @param secret Secret that signs the deliveries; only in the answer to the creation.
 * @param id Unique id of the webhook.
 * @param url Address to which events are posted.
 * @param events Events that are delivered, such as {@code job.succeeded}.
 * @param createdAt Time of creation (RFC 3339).
 */
public record Webhook(
    UUID id,
    String url,
    List<String> events,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String secret,
    Instant createdAt) {

  /** Returns this webhook without its secret. */
  public Webhook withoutSecret() {
    return new Webhook(id, url, events, null, createdAt);
  }

  /** Prefix of a Standard Webhooks secret, followed by 24 to 64 bytes in base64. */
  static final String SECRET_PREFIX = "whsec_";

  /**
   * Matches hosts that some resolvers interpret as an IPv4 address: octal, hexadecimal, or with
   * fewer than four parts.
   */
  private static final Pattern NUMERIC_HOST =
      Pattern.compile("(?i)(0x[0-9a-f]*|[0-9]+)(\\.(0x[0-9a-f]*|[0-9]+))*\\.?");

  private static final Pattern IPV4 =
      Pattern.compile("((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\\.(?=.)|$)){4}");

  private static final List<String> EVENTS =
      Arrays.stream(JobState.values()).map(Webhook::event).toList();
  private static final List<String> ENDS =
      Arrays.stream(JobState.values()).filter(JobState::isFinal).map(Webhook::event).toList();

  static String event(JobState state) {
    return "job." + state.word();
  }

  /**
   * Definition of a webhook.
   *
   * @param events Events to deliver: {@code job.} and a job's status; those of finished jobs when
   *     absent.
   * @param secret Secret that signs the deliveries; drawn at random when absent.
   * @param url Address to which events are posted.
   */
  public record Definition(String url, List<String> events, @Nullable String secret)
      implements Checked {

    public Definition {
      events = events == null ? ENDS : events.stream().distinct().toList();
    }

    @Override
    public void check(Mistakes mistakes) {
      if (mistakes.require(
          url != null && url.length() <= 2000 && isHttp(url),
          "url",
          "must be an absolute http or https URL without user and password")) {
        checkAddress(URI.create(url), mistakes);
      }
      mistakes.require(!events.isEmpty(), "events", "must name at least one event");
      for (int i = 0; i < events.size(); i++) {
        if (!EVENTS.contains(events.get(i))) {
          mistakes.in("events").in(i).add("must be one of " + String.join(", ", EVENTS));
        }
      }
      mistakes.require(
          secret == null || isSecret(secret),
          "secret",
          "must be " + SECRET_PREFIX + " and 24 to 64 bytes in base64");
    }

    private static boolean isHttp(String url) {
      try {
        var uri = URI.create(url);
        return uri.getHost() != null
            && uri.getUserInfo() == null
            && ("https".equals(uri.getScheme()) || "http".equals(uri.getScheme()));
      } catch (IllegalArgumentException e) {
        return false;
      }
    }

    /**
     * Reports addresses that resolvers interpret differently or that cannot be connected to, so
     * that a webhook is refused at its creation and not after hours of attempts.
     */
    private static void checkAddress(URI url, Mistakes mistakes) {
      mistakes.require(
          url.getPort() == -1 && !url.getRawAuthority().endsWith(":")
              || url.getPort() >= 1 && url.getPort() <= 65535,
          "url",
          "must have a port from 1 to 65535, or none");
      mistakes.require(
          !NUMERIC_HOST.matcher(url.getHost()).matches() || IPV4.matcher(url.getHost()).matches(),
          "url",
          "must write an IPv4 address as four decimal numbers of at most 255, without leading"
              + " zeros");
    }

    private static boolean isSecret(String secret) {
      try {
        int bytes = key(secret).length;
        return secret.startsWith(SECRET_PREFIX) && bytes >= 24 && bytes <= 64;
      } catch (IllegalArgumentException e) {
        return false;
      }
    }
  }

  static byte[] key(String secret) {
    return Base64.getDecoder().decode(secret.replaceFirst("^" + SECRET_PREFIX, ""));
  }
}
