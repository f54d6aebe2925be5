-- Runs on PostgreSQL and on H2 as it is.

-- Documents apart from the rows that refer to them: a claim, a list or a lock reads and rewrites short rows only.
-- The id is that of the job, or that of the sweep whose jobs are variants of one document.
create table job_spec (
  id uuid primary key,
  tenant varchar(100) not null,
  content text not null,
  bytes bigint not null
);
create index job_spec_tenant on job_spec (tenant, bytes);

-- The definition of a stored model as it was when the job was submitted.
create table job_model (
  id uuid primary key,
  tenant varchar(100) not null,
  content text not null,
  bytes bigint not null
);
create index job_model_tenant on job_model (tenant, bytes);

-- Statistics of the initial weights.
create table job_baseline (
  job_id uuid primary key references job on delete cascade,
  content text not null
);

insert into job_spec (id, tenant, content, bytes) select id, tenant, spec, octet_length(spec) from job;
insert into job_spec (id, tenant, content, bytes) select id, tenant, spec, octet_length(spec) from sweep;
insert into job_model (id, tenant, content, bytes)
  select id, tenant, model, octet_length(model) from job where model_id is not null;
insert into job_baseline (job_id, content) select id, baseline from job where baseline is not null;

-- Where the document is a sweep's: the number of the variant. What the job changes in either, as pointers and values.
alter table job add column spec_id uuid;
alter table job add column variant integer;
alter table job add column changes text;
alter table job add column model_document_id uuid;
update job set spec_id = id;
update job set model_document_id = id where model_id is not null;
alter table job alter column spec_id set not null;
alter table job add constraint job_spec_id foreign key (spec_id) references job_spec;
alter table job add constraint job_model_document_id foreign key (model_document_id) references job_model;
create index job_spec_used on job (spec_id);
create index job_model_used on job (model_document_id);

-- Of the spec, so that nobody has to read it for them.
alter table job add column dataset_id varchar(64);
update job set dataset_id =
  regexp_replace(substring(spec from position('"type":"dataset","id":"' in spec) + 23 for 64), '".*', '')
  where spec like '%"type":"dataset","id":"%';
create index job_dataset on job (dataset_id);
update job set epochs = coalesce(cast(nullif(regexp_replace(
    substring(spec from position('"epochs":' in spec) + 9 for 10), '[^0-9].*', ''), '') as integer), 0)
  where epochs = 0 and spec like '%"epochs":%';

-- What an epoch trains on: samples, and neurons times time steps.
alter table job add column samples bigint default 0 not null;
alter table job add column neuron_steps double precision default 0 not null;

alter table job drop column spec;
alter table job drop column model;
alter table job drop column baseline;
alter table sweep drop column spec;
