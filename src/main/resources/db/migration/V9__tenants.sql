-- Runs on PostgreSQL and on H2 as it is.

-- Whose it is; what was there before is the operators'.
alter table model add column tenant varchar(100) default '' not null;
alter table job add column tenant varchar(100) default '' not null;
alter table dataset add column tenant varchar(100) default '' not null;
alter table sweep add column tenant varchar(100) default '' not null;
alter table webhook add column tenant varchar(100) default '' not null;

create index job_tenant on job (tenant, status);

-- Of its spec, for the tenant's quota; what was submitted before does not count.
alter table job add column epochs integer default 0 not null;

-- What its training takes, so that only a worker with room for it takes it.
alter table job add column memory_bytes bigint default 0 not null;

-- The processes that train, and what a job may take there: a server that only takes requests asks here.
create table worker (
  id varchar(64) primary key,
  memory_bytes bigint not null,
  seen_at timestamp with time zone not null
);
