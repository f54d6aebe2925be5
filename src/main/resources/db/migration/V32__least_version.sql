-- Runs on PostgreSQL and on H2 as it is.

-- The least version (major * 1000 + minor) that understands the row's documents: older processes leave it alone.
alter table job add column least_version integer default 0 not null;
alter table model add column least_version integer default 0 not null;
alter table sweep add column least_version integer default 0 not null;
alter table search add column least_version integer default 0 not null;

-- The version of a worker's process.
alter table worker add column version integer default 0 not null;
