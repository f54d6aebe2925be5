package dev.spikewise;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;

/**
 * The tests' own system properties, which the service would refuse as unknown settings.
 *
 * @param kills Number of times that a test kills a service at random.
 * @param reference Folder with the reference data.
 * @param tests Switches of the build.
 */
@ConfigurationProperties("spikewise")
record TestSettings(
    @Nullable Integer kills, @Nullable String reference, @Nullable Map<String, String> tests) {}
