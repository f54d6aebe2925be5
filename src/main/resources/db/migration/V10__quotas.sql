-- Runs on PostgreSQL and on H2 as it is.

-- What a tenant's requests lock while they look at its quota and use it up; several tenants may share a row.
create table quota_lock (
  id integer primary key
);

insert into quota_lock (id) values
  (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15),
  (16), (17), (18), (19), (20), (21), (22), (23), (24), (25), (26), (27), (28), (29), (30), (31);
