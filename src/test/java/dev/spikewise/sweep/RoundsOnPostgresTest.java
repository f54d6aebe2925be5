package dev.spikewise.sweep;

import dev.spikewise.OnPostgres;

@OnPostgres
class RoundsOnPostgresTest extends RoundsTest {}
