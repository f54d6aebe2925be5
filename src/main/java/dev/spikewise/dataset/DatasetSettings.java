package dev.spikewise.dataset;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * Size of data sets; the size of an upload is limited by {@code
 * spring.servlet.multipart.max-request-size}.
 *
 * @param maxSize Maximum size of the samples of a data set in memory, as 32-bit numbers.
 * @param maxUnpacked Maximum size of all files in an uploaded archive once unpacked.
 */
@ConfigurationProperties("spikewise.datasets")
record DatasetSettings(
    @DefaultValue("1GB") DataSize maxSize, @DefaultValue("4GB") DataSize maxUnpacked) {}
