package dev.spikewise.job;

import dev.spikewise.OnPostgres;

@OnPostgres
class QueueOnPostgresTest extends QueueTest {}
