package dev.spikewise.api;

import dev.spikewise.OnPostgres;

@OnPostgres
class SweepsOnPostgresTest extends SweepsTest {}
