-- Tokens may be narrower than their role and change their secret; browsers sign in with rows that every process reads. Frozen.
alter table tokens add column scope text;
alter table tokens add column rotated_at bigint;
alter table tokens add column old_hash text;
alter table tokens add column old_until bigint;

-- hash is of what the browser holds: the link that signs it in once, then its session.
create table sign_ins (
  hash text primary key,
  kind text not null check (kind in ('link', 'session')),
  token text not null,
  tenant text not null,
  principal text not null,
  begun_at bigint not null,
  used_at bigint not null,
  expires_at bigint not null
);

create index sign_ins_principal
on sign_ins (tenant, principal);

create index sign_ins_expiry
on sign_ins (expires_at);
