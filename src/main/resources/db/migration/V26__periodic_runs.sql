-- Runs on PostgreSQL and on H2 as it is.

-- Work that one process of all does from time to time: which one does it now, and when the next run is due.
create table periodic_run (
  name varchar(32) primary key,
  owner varchar(64),
  lease_until timestamp with time zone,
  next_at timestamp with time zone
);
insert into periodic_run (name) values ('retention'), ('usage');

-- By which expired jobs and data sets are found.
create index job_ended on job (tenant, status, finished_at);
create index dataset_tenant on dataset (tenant, created_at);
