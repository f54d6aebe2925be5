-- Runs on PostgreSQL and on H2 as it is.

-- The id is the hash of the sender and the key; an answer is there once the transaction of its request is over.
create table idempotency (
  id varchar(64) primary key,
  fingerprint varchar(64) not null,
  status integer,
  location varchar(2000),
  etag varchar(200),
  content_type varchar(200),
  body bytea,
  created_at timestamp with time zone not null
);

create index idempotency_age on idempotency (created_at);
