-- Runs on PostgreSQL and on H2 as it is.

-- Sample, label and predicted class of each test sample, as npz.
alter table checkpoint add column predictions bytea;

-- The job whose weights a job starts from. It may have been deleted since.
alter table job add column source_job varchar(64);
create index job_source_job on job (source_job);
create index job_stored_model on job (model_id);

-- How a model came to be, and the job or model that it came from, which may have been deleted since.
alter table model add column version integer default 0 not null;
alter table model add column weights_changes integer default 0 not null;
alter table model add column source varchar(16);
alter table model add column source_id varchar(64);
create index model_source on model (source_id);

create table model_label (
  model_id uuid not null references model on delete cascade,
  label varchar(200) not null,
  content varchar(1000) not null,
  primary key (model_id, label)
);
create index model_label_content on model_label (label, content);

alter table dataset add column version integer default 0 not null;

create table dataset_label (
  dataset_id varchar(64) not null references dataset on delete cascade,
  label varchar(200) not null,
  content varchar(1000) not null,
  primary key (dataset_id, label)
);
create index dataset_label_content on dataset_label (label, content);
