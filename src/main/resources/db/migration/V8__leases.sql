-- Runs on PostgreSQL and on H2 as it is.

-- Heartbeats ask for an owner's jobs several times a second, among however many that are over.
create index job_lease on job (lease_owner);
