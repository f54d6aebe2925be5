-- Runs on PostgreSQL and on H2 as it is.

-- How many of a data set's samples are its own test split, the last ones.
alter table dataset add column test_samples integer default 0 not null;
