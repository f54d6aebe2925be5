package dev.spikewise.store;

import dev.spikewise.OnPostgres;

@OnPostgres
class ReadTimeoutsOnPostgresTest extends ReadTimeoutsTest {
  ReadTimeoutsOnPostgresTest() {
    slow = "select count(*) from generate_series(1, %d) a(x) where mod(a.x, 7) = 3";
  }
}
