-- Runs on PostgreSQL and on H2 as it is.

-- By which the usage of one month is summed up without reading all months.
create index job_usage_period on job_usage (period, tenant);
