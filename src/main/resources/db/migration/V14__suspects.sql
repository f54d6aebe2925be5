-- Runs on PostgreSQL and on H2 as it is.

-- A job that ran when its process died: it runs next after a rest, without company in its process.
alter table job add column suspect boolean default false not null;
alter table job add column rest_until timestamp with time zone;

-- Deaths of its process in a row, which lengthen the rest; losses counts those of them that nothing else can explain.
alter table job add column deaths integer default 0 not null;

-- Whether nothing else runs or computes in the process that trains it now.
alter table job add column alone boolean default false not null;

-- What was counted before may have had other causes.
update job set suspect = true, losses = 0 where losses > 0;
