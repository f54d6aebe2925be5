-- Runs on PostgreSQL and on H2 as it is.

-- Large contents outside the database. A row is committed before its object is written, so that no object is without one;
-- objects that nothing refers to are deleted (LargeObjects).
create table stored_object (
  id uuid primary key,
  store varchar(16) not null,
  -- Bucket of an S3-compatible store; null for files.
  bucket varchar(100),
  name varchar(1000) not null,
  bytes bigint not null,
  sha256 varchar(64) not null,
  -- Whether a row has referred to it: from then on it is garbage as soon as none does.
  attached boolean default false not null,
  created_at timestamp with time zone not null
);
create index stored_object_created on stored_object (created_at);

-- Each content is in its row or in an object.
alter table checkpoint alter column content drop not null;
alter table checkpoint add column object_id uuid;
alter table checkpoint add constraint checkpoint_object foreign key (object_id) references stored_object;
create index checkpoint_object_id on checkpoint (object_id);

alter table model_weights alter column npz drop not null;
alter table model_weights add column object_id uuid;
alter table model_weights add constraint model_weights_object foreign key (object_id) references stored_object;
create index model_weights_object_id on model_weights (object_id);

create table dataset_file (
  dataset_id varchar(64) not null references dataset on delete cascade,
  part varchar(16) not null,
  object_id uuid not null references stored_object,
  primary key (dataset_id, part)
);
create index dataset_file_object_id on dataset_file (object_id);

insert into periodic_run (name) values ('objects');
