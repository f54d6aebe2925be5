package dev.spikewise.security;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** The server would have been reachable without credentials. */
final class UnprotectedServerException extends RuntimeException {

  UnprotectedServerException(String address) {
    super(
        "The server is configured to listen on "
            + address
            + ", which other machines can reach, without credentials.");
  }

  /** Explains the possible solutions in place of a stack trace. */
  static final class Analyzer extends AbstractFailureAnalyzer<UnprotectedServerException> {
    @Override
    protected FailureAnalysis analyze(Throwable failure, UnprotectedServerException cause) {
      return new FailureAnalysis(
          cause.getMessage(),
          """
          Do one of these:
          - leave server.address at 127.0.0.1, for use on this machine alone;
          - configure an API key: spikewise.security.api-keys[0].name=ci, .role=train (read, train or admin), and
            .sha256= what `printf %s "$KEY" | sha256sum` prints for a long random KEY;
          - accept tokens of an OpenID Connect issuer: spring.security.oauth2.resourceserver.jwt.issuer-uri=https://...;
          - set spikewise.security.anonymous=true, where something in front of the server asks for credentials.\
          """,
          failure);
    }
  }
}
