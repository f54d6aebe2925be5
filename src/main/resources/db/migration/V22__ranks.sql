-- Runs on PostgreSQL and on H2 as it is.

-- Processes that must share the training, so that only a worker of as many takes the job.
alter table job add column ranks integer default 1 not null;
alter table worker add column ranks integer default 1 not null;
