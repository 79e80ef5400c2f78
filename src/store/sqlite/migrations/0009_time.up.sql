-- How long work may take. Frozen: a change is a new migration.
-- Every change of a policy is a row of its own; the newest of a pair of classes holds from its position of the log on.
create table timeout_policies (
  version integer primary key,
  sla_class text not null,
  action_class text not null,
  attempt_ms integer check (attempt_ms > 0),
  overall_ms integer check (overall_ms > 0),
  by text not null,
  reason text not null,
  at integer not null,
  from_position integer not null
) strict;
insert into timeout_policies (version, sla_class, action_class, attempt_ms, overall_ms, by, reason, at, from_position)
values
  (1, '*', '*', 1800000, null, 'system:engine', 'default', 0, 0),
  (2, 'critical', '*', 300000, 3600000, 'system:engine', 'default', 0, 0),
  (3, 'batch', '*', 7200000, null, 'system:engine', 'default', 0, 0),
  (4, '*', 'sync', 30000, 300000, 'system:engine', 'default', 0, 0),
  (5, 'critical', 'sync', 10000, 60000, 'system:engine', 'default', 0, 0),
  (6, '*', 'heavy', 7200000, 86400000, 'system:engine', 'default', 0, 0),
  (7, 'batch', 'heavy', 43200000, null, 'system:engine', 'default', 0, 0);

create trigger timeout_policies_guard_update
before update on timeout_policies
begin
  select raise(abort, 'append_only: a timeout policy is changed by a new version');
end;

create trigger timeout_policies_guard_delete
before delete on timeout_policies
begin
  select raise(abort, 'append_only: a timeout policy is changed by a new version');
end;

create view timeout_policies_in_force as
select sla_class, action_class, max(version) as version, attempt_ms, overall_ms, by, reason, at
from timeout_policies
group by sla_class, action_class;
