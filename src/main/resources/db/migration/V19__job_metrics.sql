-- Runs on PostgreSQL and on H2 as it is.

-- Metrics of a job's latest epoch, by which jobs are sorted and filtered; those of earlier epochs are filled in at the next start.
alter table job add column loss double precision;
alter table job add column synops double precision;
alter table job add column firing_rate double precision;
alter table job add column accuracy double precision;
alter table job add column test_accuracy double precision;
