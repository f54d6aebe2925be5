package dev.spikewise;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.springframework.context.annotation.Import;

/**
 * A test whose context gets a database of its own on PostgreSQL. Where there is no Docker, {@code
 * -DexcludedGroups=docker} leaves these tests out; nothing else does.
 */
@Tag("docker")
@Import(PostgresDatabase.class)
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
public @interface OnPostgres {}
