package dev.spikewise;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** An S3-compatible server (s3proxy) with the bucket {@code spikewise}, in a process of its own. */
public final class S3Server implements AutoCloseable {

  private static final Path PROGRAM = Path.of("target/s3proxy/s3proxy.jar");

  private final Path dir;
  private final int port;
  private @Nullable Process process;

  /** Starts a server that keeps its objects in {@code dir}. */
  public S3Server(Path dir) {
    this.dir = dir;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
      Files.createDirectories(bucket());
      Files.writeString(
          dir.resolve("s3proxy.conf"),
          """
          s3proxy.endpoint=http://127.0.0.1:%d
          s3proxy.authorization=aws-v2-or-v4
          s3proxy.identity=spikewise
          s3proxy.credential=secret
          jclouds.provider=filesystem-nio2
          jclouds.identity=x
          jclouds.credential=x
          jclouds.filesystem.basedir=%s
          """
              .formatted(port, dir.resolve("data").toAbsolutePath()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    start();
  }

  private Path bucket() {
    return dir.resolve("data/spikewise");
  }

  /** Settings with which the service uses the server. */
  public List<String> settings() {
    return List.of(
        "spikewise.objects.store=s3",
        "spikewise.objects.s3.bucket=spikewise",
        "spikewise.objects.s3.prefix=unit-",
        "spikewise.objects.s3.path-style=true",
        "spikewise.objects.s3.access-key=spikewise",
        "spikewise.objects.s3.secret-key=secret",
        "spikewise.objects.s3.timeout=2s",
        "spikewise.objects.s3.endpoint=" + URI.create("http://127.0.0.1:" + port));
  }

  /** Starts the server again after {@link #stop}. */
  public void start() {
    if (!Files.isRegularFile(PROGRAM)) {
      throw new IllegalStateException(
          PROGRAM + " is missing: run mvn generate-test-resources, which copies it");
    }
    try {
      process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:+UseSerialGC",
                  "-XX:TieredStopAtLevel=1",
                  "-Xmx128m",
                  "-jar",
                  PROGRAM.toAbsolutePath().toString(),
                  "--properties",
                  dir.resolve("s3proxy.conf").toString())
              .redirectErrorStream(true)
              .redirectOutput(dir.resolve("s3proxy.log").toFile())
              .start();
      awaitPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void awaitPort() throws IOException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      try (var _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
        return;
      } catch (IOException e) {
        if (System.nanoTime() > end || process == null || !process.isAlive()) {
          throw new IOException(Files.readString(dir.resolve("s3proxy.log")), e);
        }
      }
      pause();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(50);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Kills the server; its objects remain. */
  public void stop() {
    var running = process;
    if (running != null) {
      running.destroyForcibly();
      try {
        running.waitFor();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Files of all objects. */
  public List<Path> objects() {
    try (Stream<Path> files = Files.walk(bucket())) {
      return files.filter(Files::isRegularFile).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    stop();
  }
}
