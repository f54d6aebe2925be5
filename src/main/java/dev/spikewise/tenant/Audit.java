package dev.spikewise.tenant;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The log of changes: who did what to which resource. In structured logs each part is a field.
 * {@code logging.level.dev.spikewise.audit=off} disables the log.
 *
 * @param who name of the caller or of the component that acts by itself
 * @param tenant tenant of the caller or of the resource; empty for operators
 * @param from address of the caller; {@code service} when it acts by itself
 * @param action method of the request
 * @param resource path of the resource
 * @param status status of the response
 */
public record Audit(
    String who, String tenant, String from, String action, String resource, int status) {

  private static final Logger LOG = LoggerFactory.getLogger("dev.spikewise.audit");

  public void log() {
    LOG.atInfo()
        .addKeyValue("audit.who", who)
        .addKeyValue("audit.tenant", tenant)
        .addKeyValue("audit.from", from)
        .addKeyValue("audit.action", action)
        .addKeyValue("audit.resource", resource)
        .addKeyValue("audit.status", status)
        .log(
            "{} {} by {}{} from {}: {}",
            action,
            resource,
            who,
            tenant.isEmpty() ? "" : " of " + tenant,
            from,
            status);
  }
}
