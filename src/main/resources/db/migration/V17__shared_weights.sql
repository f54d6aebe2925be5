-- Runs on PostgreSQL and on H2 as it is.

-- Weights that trainings start from, where they were given. The variants of a sweep share them.
create table job_weights (
  id uuid primary key,
  tenant varchar(100) not null,
  content bytea not null
);
create index job_weights_tenant on job_weights (tenant);

insert into job_weights (id, tenant, content)
  select j.id, j.tenant, c.content from checkpoint c join job j on j.id = c.job_id where c.epoch = 0;
alter table job add column weights_id uuid;
update job set weights_id = id where id in (select id from job_weights);
alter table job add constraint job_weights_id foreign key (weights_id) references job_weights;
create index job_weights_used on job (weights_id);
delete from checkpoint where epoch = 0;
