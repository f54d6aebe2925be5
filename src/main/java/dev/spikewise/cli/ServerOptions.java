package dev.spikewise.cli;

import java.net.URI;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that select the server and its credentials. */
final class ServerOptions {

  @Option(
      names = "--server",
      paramLabel = "URL",
      defaultValue = "${env:SPIKEWISE_SERVER}",
      description =
          "URL of the server, or environment variable SPIKEWISE_SERVER; the API key is read from"
              + " SPIKEWISE_API_KEY.")
  private @Nullable URI server;

  Client client() {
    return new Client(
        server == null ? URI.create("http://127.0.0.1:8080") : server,
        System.getenv("SPIKEWISE_API_KEY"));
  }

  boolean given() {
    return server != null;
  }
}
