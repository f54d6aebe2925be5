package dev.spikewise.dataset;

import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * How large a data set may be; what an upload may weigh is {@code
 * spring.servlet.multipart.max-request-size}.
 *
 * @param maxSize of the samples in memory, as 32-bit numbers
 */
@ConfigurationProperties("spikewise.datasets")
record DatasetSettings(@DefaultValue("1GB") DataSize maxSize) {}
