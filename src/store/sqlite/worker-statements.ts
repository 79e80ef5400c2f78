import { leaderColumns, processColumns, workerColumns } from './columns.ts'

/** Statements about the registry of workers and processes, and about who leads. */
export const workerStatements = {
  saveWorker: `insert into workers (key, identity, incarnation, host, pid, started_ticks, boot_id, actions, slots, registered_at, seen_at, gone_at, gone_proof, draining_since, isolates, role, drain_asked_at, drain_asked_by, drain_reason, drain_until)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
on conflict (key) do update
set actions = excluded.actions, slots = excluded.slots, seen_at = excluded.seen_at, gone_at = excluded.gone_at, gone_proof = excluded.gone_proof, draining_since = excluded.draining_since, drain_asked_at = excluded.drain_asked_at, drain_asked_by = excluded.drain_asked_by, drain_reason = excluded.drain_reason, drain_until = excluded.drain_until`,

  worker: `select ${workerColumns}
from workers
where key = ?1`,

  liveWorkers: `select ${workerColumns}
from workers
where gone_at is null`,

  workers: `select ${workerColumns}
from workers
order by key`,

  saveLeader: `insert into leaders (epoch, holder, host, pid, since, until, ended_at, refused, refused_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
on conflict (epoch) do update
set until = excluded.until, ended_at = excluded.ended_at, refused = excluded.refused, refused_at = excluded.refused_at
where holder = excluded.holder`,

  removeLeader: `delete from leaders
where epoch = ?1`,

  leaderAt: `select ${leaderColumns}
from leaders
where epoch = ?1`,

  leaders: `select ${leaderColumns}
from leaders
order by epoch desc
limit ?1`,

  saveProcess: `insert into processes (${processColumns})
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
on conflict (id) do update
set seen_at = excluded.seen_at, ended_at = excluded.ended_at, proof = excluded.proof`,

  forgetProcesses: `delete from processes
where seen_at < ?1`,

  processes: `select ${processColumns}
from processes
order by started_at, id`,
} as const
