package dev.spikewise.store;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * Where checkpoints, weights of stored models and files of data sets are stored. Everything else is
 * in the database.
 *
 * @param store Place of new contents: {@code database}, {@code folder} or {@code s3}. What is
 *     stored already stays where it is and remains readable as long as its place is configured.
 * @param folder Folder of the files, which all processes must share; required for {@code folder}.
 * @param grace Time after which an object whose upload was interrupted is deleted. An upload must
 *     not take longer.
 * @param interval Time between two searches for objects that nothing refers to. One process of all
 *     searches.
 * @param s3 S3-compatible store.
 */
@ConfigurationProperties("spikewise.objects")
record ObjectSettings(
    @DefaultValue("database") Kind store,
    @Nullable Path folder,
    @DefaultValue("1h") Duration grace,
    @DefaultValue("1m") Duration interval,
    @DefaultValue S3 s3) {

  /** Place of contents. */
  enum Kind {
    DATABASE,
    FOLDER,
    S3
  }

  /**
   * S3-compatible store.
   *
   * @param bucket Name of an existing bucket; required for {@code s3}.
   * @param prefix Beginning of the names of all objects.
   * @param endpoint URL of the store; AWS when absent.
   * @param region Region of the bucket.
   * @param pathStyle Whether the bucket is part of the path of a URL instead of its host name, as
   *     most stores other than AWS need it.
   * @param accessKey Id of the access key; the environment, the profile, the container or the
   *     instance provides one when absent.
   * @param secretKey Secret of the access key.
   * @param timeout Longest time that the store may take to accept a connection or to send the next
   *     bytes.
   * @param attempts Number of times that a failed operation is tried.
   */
  record S3(
      @Nullable String bucket,
      @DefaultValue("") String prefix,
      @Nullable URI endpoint,
      @DefaultValue("us-east-1") String region,
      @DefaultValue("false") boolean pathStyle,
      @Nullable String accessKey,
      @Nullable String secretKey,
      @DefaultValue("10s") Duration timeout,
      @DefaultValue("3") int attempts) {

    S3 {
      if ((accessKey == null) != (secretKey == null)) {
        throw new IllegalArgumentException(
            "spikewise.objects.s3.access-key and .secret-key must be set together: set both, or"
                + " none to take the credentials from the environment");
      }
      requirePositive("s3.timeout", timeout);
      if (attempts < 1) {
        throw new IllegalArgumentException(
            "spikewise.objects.s3.attempts must be at least 1 but was " + attempts);
      }
    }

    @Override
    public String toString() {
      return "S3[bucket=%s, prefix=%s, endpoint=%s]".formatted(bucket, prefix, endpoint);
    }
  }

  ObjectSettings {
    requirePositive("grace", grace);
    requirePositive("interval", interval);
    if (store == Kind.FOLDER && folder == null) {
      throw new IllegalArgumentException(
          "spikewise.objects.folder must be set where spikewise.objects.store is folder");
    }
    if (store == Kind.S3 && s3.bucket() == null) {
      throw new IllegalArgumentException(
          "spikewise.objects.s3.bucket must be set where spikewise.objects.store is s3");
    }
  }

  private static void requirePositive(String setting, Duration time) {
    if (time.isNegative() || time.isZero()) {
      throw new IllegalArgumentException(
          "spikewise.objects.%s must be longer than 0 but was %s".formatted(setting, time));
    }
  }
}
