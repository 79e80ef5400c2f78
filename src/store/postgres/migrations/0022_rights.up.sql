-- Who may do what. Every change of a right is a row of its own: a grant, what takes one back, a role, a token that carries
-- one, a token that was revoked. Frozen: a change is a new migration.
create table rights (
  version bigint primary key,
  tenant text not null,
  kind text not null check (kind in ('grant', 'revoke', 'role', 'token', 'token_revoked')),
  principal text,
  role text not null,
  actions text,
  subjects text,
  level_max bigint check (level_max between 0 and 3),
  permissions text,
  ref text,
  expires_at bigint,
  by text not null,
  reason text not null,
  at bigint not null
);

create trigger rights_guard_update before update on rights
for each row execute function refuse_change('append_only: a right is changed by a new version');

create trigger rights_guard_delete before delete on rights
for each row execute function refuse_change('append_only: a right is changed by a new version');

-- Tokens from before. A server takes back its own token whenever it ends; that says nothing about its user.
insert into rights (version, tenant, kind, principal, role, ref, expires_at, by, reason, at)
select row_number() over (order by created_at, id), tenant, 'token', principal, role, id, expires_at, 'system:engine', 'migrated', created_at
from tokens;
insert into rights (version, tenant, kind, principal, role, ref, by, reason, at)
select (select count(*) from tokens) + row_number() over (order by revoked_at, id), tenant, 'token_revoked', principal, role, id, 'system:engine', 'migrated', revoked_at
from tokens
where revoked_at is not null
and name <> 'local server';

create view principals as
select tenant, principal, min(at) as since
from rights
where principal is not null
group by tenant, principal;

create view grants as
select g.version as id, g.tenant, g.principal, g.role, g.actions, g.subjects, g.level_max, g.by, g.reason, g.at
from rights g
where g.kind = 'grant'
and not exists (select 1 from rights r where r.kind = 'revoke' and r.ref = cast(g.version as text));
