-- Tokens may be narrower than their role and change their secret; browsers sign in with rows that every process reads. Frozen.
alter table tokens add column scope text;
alter table tokens add column rotated_at integer;
alter table tokens add column old_hash text;
alter table tokens add column old_until integer;

-- hash is of what the browser holds: the link that signs it in once, then its session.
create table sign_ins (
  hash text primary key,
  kind text not null check (kind in ('link', 'session')),
  token text not null,
  tenant text not null,
  principal text not null,
  begun_at integer not null,
  used_at integer not null,
  expires_at integer not null
) strict;

create index sign_ins_principal
on sign_ins (tenant, principal);

create index sign_ins_expiry
on sign_ins (expires_at);
