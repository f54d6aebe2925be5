-- Runs on PostgreSQL and on H2 as it is.

-- What each job used in each month (UTC). A row is written only while the job's row is locked, and outlives the job.
create table job_usage (
  job_id uuid not null,
  period varchar(7) not null,
  tenant varchar(100) not null,
  jobs integer not null,
  epochs bigint not null,
  samples bigint not null,
  synops double precision not null,
  training_ms double precision not null,
  primary key (job_id, period)
);
create index job_usage_tenant on job_usage (tenant, period);

-- The most that a tenant stored in a month, as measured from time to time.
create table stored_usage (
  tenant varchar(100) not null,
  period varchar(7) not null,
  bytes bigint not null,
  measured_at timestamp with time zone not null,
  primary key (tenant, period)
);
