package dev.spikewise.store;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.NoSuchFileException;
import java.util.function.Supplier;
import org.springframework.core.io.InputStreamSource;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.StandardRetryStrategy;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;

/** Large contents as objects of a bucket. */
final class S3Store implements ObjectStore, AutoCloseable {

  private final S3Client client;
  private final String bucket;

  S3Store(ObjectSettings.S3 settings, String bucket) {
    this.bucket = bucket;
    var builder =
        S3Client.builder()
            .region(Region.of(settings.region()))
            .forcePathStyle(settings.pathStyle())
            .credentialsProvider(
                settings.accessKey() == null || settings.secretKey() == null
                    ? DefaultCredentialsProvider.builder().build()
                    : StaticCredentialsProvider.create(
                        AwsBasicCredentials.create(settings.accessKey(), settings.secretKey())))
            // Many stores do not know AWS's newer checksums, and every content has its SHA-256.
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
            .overrideConfiguration(
                override ->
                    override.retryStrategy(
                        StandardRetryStrategy.builder().maxAttempts(settings.attempts()).build()))
            .httpClientBuilder(
                UrlConnectionHttpClient.builder()
                    .connectionTimeout(settings.timeout())
                    .socketTimeout(settings.timeout()));
    if (settings.endpoint() != null) {
      builder.endpointOverride(settings.endpoint());
    }
    this.client = builder.build();
  }

  @Override
  public void put(String name, InputStreamSource content, long bytes) throws IOException {
    call(
        () ->
            client.putObject(
                request -> request.bucket(bucket).key(name),
                RequestBody.fromContentProvider(
                    () -> open(content), bytes, "application/octet-stream")));
  }

  private static InputStream open(InputStreamSource content) {
    try {
      return content.getInputStream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public InputStream get(String name) throws IOException {
    return call(() -> client.getObject(request -> request.bucket(bucket).key(name)));
  }

  @Override
  public void delete(String name) throws IOException {
    call(() -> client.deleteObject(request -> request.bucket(bucket).key(name)));
  }

  @Override
  public void check() throws IOException {
    call(() -> client.headBucket(request -> request.bucket(bucket)));
  }

  private static <T> T call(Supplier<T> operation) throws IOException {
    try {
      return operation.get();
    } catch (NoSuchKeyException e) {
      throw new NoSuchFileException(e.getMessage());
    } catch (SdkException e) {
      throw new IOException(e.getMessage(), e);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  @Override
  public String description() {
    return "the bucket " + bucket;
  }

  @Override
  public void close() {
    client.close();
  }
}
