-- Runs on PostgreSQL and on H2 as it is.

-- Best values over the first best_epochs epochs of a job; those of earlier versions are filled in at the next start.
alter table job add column best_loss double precision;
alter table job add column best_synops double precision;
alter table job add column best_accuracy double precision;
alter table job add column best_test_accuracy double precision;
alter table job add column best_epochs integer default 0 not null;
