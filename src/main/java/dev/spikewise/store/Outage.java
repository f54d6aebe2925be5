package dev.spikewise.store;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;
import java.sql.SQLNonTransientConnectionException;
import java.sql.SQLRecoverableException;
import java.sql.SQLTransientConnectionException;
import java.util.Set;
import org.h2.api.ErrorCode;
import org.h2.mvstore.MVStoreException;
import org.jspecify.annotations.Nullable;
import org.springframework.dao.TransientDataAccessException;

/**
 * Distinguishes temporary outages of the database (unreachable, restarting, out of disk space),
 * after which a statement can be retried, from statements that always fail. An outage of the store
 * of large objects counts too.
 */
public final class Outage implements SQLExceptionOverride {

  /**
   * SQLSTATE classes: connection, resources (disk full), operator intervention (shutdown), system
   * (I/O error).
   */
  private static final Set<String> STATES = Set.of("08", "53", "57", "58");

  private static final String QUERY_CANCELLED = "57014";

  private static final Set<Integer> H2_CODES =
      Set.of(
          ErrorCode.IO_EXCEPTION_1,
          ErrorCode.IO_EXCEPTION_2,
          ErrorCode.FILE_CORRUPTED_1,
          ErrorCode.DATABASE_IS_CLOSED,
          ErrorCode.DATABASE_CALLED_AT_SHUTDOWN,
          ErrorCode.CONNECTION_BROKEN_1);

  /** Whether a retry may succeed. */
  public static boolean passes(Throwable e) {
    return e instanceof TransientDataAccessException || behind(e) != null;
  }

  /**
   * The message of the database or the store of large objects about the outage that caused {@code
   * e}; null without an outage.
   */
  public static @Nullable String behind(@Nullable Throwable e) {
    for (var cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof ObjectStoreException) {
        return String.valueOf(cause.getMessage());
      }
      if (cause instanceof SQLException sql && isOutage(sql)) {
        return deepest(sql);
      }
    }
    return null;
  }

  private static boolean isOutage(SQLException e) {
    String state = e.getSQLState();
    return e instanceof SQLTransientConnectionException
        || e instanceof SQLNonTransientConnectionException
        || e instanceof SQLRecoverableException
        || H2_CODES.contains(e.getErrorCode())
        || isBehindClosedFile(e)
        // A pooled connection that broke within a transaction reports this on rollback.
        || state == null
        || state.length() == 5
            && STATES.contains(state.substring(0, 2))
            && !state.equals(QUERY_CANCELLED);
  }

  private static String deepest(Throwable e) {
    var cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return String.valueOf(cause.getMessage());
  }

  /**
   * H2 closes its file when a write fails. Existing connections still report themselves as valid
   * but no longer work, so the pool must evict them; a new connection opens the file again.
   */
  @java.lang.Override
  public SQLExceptionOverride.Override adjudicate(SQLException e) {
    if (isLockTimeout(e)) {
      return SQLExceptionOverride.Override.DO_NOT_EVICT;
    }
    return H2_CODES.contains(e.getErrorCode()) || isBehindClosedFile(e)
        ? SQLExceptionOverride.Override.MUST_EVICT
        : SQLExceptionOverride.Override.CONTINUE_EVICT;
  }

  private static boolean isBehindClosedFile(SQLException e) {
    return e.getCause() instanceof MVStoreException && !isLockTimeout(e);
  }

  /** Whether another transaction of H2 held a row: the connection is as good as before. */
  private static boolean isLockTimeout(SQLException e) {
    return e.getErrorCode() == ErrorCode.LOCK_TIMEOUT_1
        || e.getErrorCode() == ErrorCode.CONCURRENT_UPDATE_1
        || e.getErrorCode() == ErrorCode.DEADLOCK_1;
  }
}
