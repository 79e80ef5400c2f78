-- How long work may take. Frozen: a change is a new migration.
-- Every change of a policy is a row of its own; the newest of a pair of classes holds from its position of the log on.
create table timeout_policies (
  version bigint primary key,
  sla_class text not null,
  action_class text not null,
  attempt_ms bigint check (attempt_ms > 0),
  overall_ms bigint check (overall_ms > 0),
  by text not null,
  reason text not null,
  at bigint not null,
  from_position bigint not null
);
insert into timeout_policies (version, sla_class, action_class, attempt_ms, overall_ms, by, reason, at, from_position)
values
  (1, '*', '*', 1800000, null, 'system:engine', 'default', 0, 0),
  (2, 'critical', '*', 300000, 3600000, 'system:engine', 'default', 0, 0),
  (3, 'batch', '*', 7200000, null, 'system:engine', 'default', 0, 0),
  (4, '*', 'sync', 30000, 300000, 'system:engine', 'default', 0, 0),
  (5, 'critical', 'sync', 10000, 60000, 'system:engine', 'default', 0, 0),
  (6, '*', 'heavy', 7200000, 86400000, 'system:engine', 'default', 0, 0),
  (7, 'batch', 'heavy', 43200000, null, 'system:engine', 'default', 0, 0);

create trigger timeout_policies_guard_update before update on timeout_policies
for each row execute function refuse_change('append_only: a timeout policy is changed by a new version');

create trigger timeout_policies_guard_delete before delete on timeout_policies
for each row execute function refuse_change('append_only: a timeout policy is changed by a new version');

create view timeout_policies_in_force as
select distinct on (sla_class, action_class) sla_class, action_class, version, attempt_ms, overall_ms, by, reason, at
from timeout_policies
order by sla_class, action_class, version desc;
