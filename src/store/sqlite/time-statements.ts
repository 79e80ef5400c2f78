/** Statements of what people say about time: timeout policies, paused time and paced releases. */
export const timeStatements = {
  addTimeoutPolicy: `insert into timeout_policies (version, sla_class, action_class, attempt_ms, overall_ms, by, reason, at, from_position)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,

  timeoutPolicies: `select version, sla_class, action_class, attempt_ms, overall_ms, by, reason, at, from_position
from timeout_policies
order by version`,

  openPauseInterval: `insert into pause_intervals (scope, value, tenant, from_at)
values (?1, ?2, ?3, ?4)`,

  closePauseInterval: `update pause_intervals
set to_at = ?4
where scope = ?1
and value = ?2
and ifnull(tenant, '') = ifnull(?3, '')
and to_at is null`,

  pauseIntervals: `select scope, value, tenant, from_at, to_at
from pause_intervals
where to_at > ?1
union all
select scope, value, tenant, from_at, to_at
from pause_intervals
where to_at is null`,

  openPauseIntervals: `select count(*)
from pause_intervals
where to_at is null`,

  lastPauseEnd: `select max(to_at)
from pause_intervals`,

  saveRelease: `insert into releases (key, id, scope, value, tenant, pace_per_second, since)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
on conflict (key) do update
set id = excluded.id, pace_per_second = excluded.pace_per_second, since = excluded.since`,

  removeRelease: `delete from releases
where key = ?1`,

  releases: `select key, id, scope, value, tenant, pace_per_second, since
from releases
order by id`,
} as const
