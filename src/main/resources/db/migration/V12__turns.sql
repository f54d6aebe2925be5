-- Runs on PostgreSQL and on H2 as it is.

-- When a worker last took the job out of the queue: tenants take turns by it.
alter table job add column claimed_at timestamp with time zone;
update job set claimed_at = started_at;
create index job_turn on job (tenant, claimed_at);

drop index job_queue;
create index job_queue on job (status, tenant, due_at, number);
