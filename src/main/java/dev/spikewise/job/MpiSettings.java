package dev.spikewise.job;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * How processes that an MPI launcher started together train. Read before anything else, so that
 * these settings are environment variables or system properties.
 *
 * @param library Name or file of the MPI library, such as {@code libmpi.so.40}; the one that
 *     belongs to the launcher when absent. {@code none} makes each process train on its own.
 * @param patience Time that a process waits for the others before it ends all of them.
 */
@ConfigurationProperties("spikewise.mpi")
record MpiSettings(@Nullable String library, @DefaultValue("10m") Duration patience) {}
