package dev.spikewise.retention;

import dev.spikewise.OnPostgres;

@OnPostgres
class RetentionOnPostgresTest extends RetentionTest {}
