import { workerColumns } from './columns.ts'

/** Statements about the registry of workers. */
export const workerStatements = {
  saveWorker: `insert into workers (key, identity, incarnation, host, pid, started_ticks, boot_id, actions, slots, registered_at, seen_at, gone_at, gone_proof, draining_since, isolates)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
on conflict (key) do update
set actions = excluded.actions, slots = excluded.slots, seen_at = excluded.seen_at, gone_at = excluded.gone_at, gone_proof = excluded.gone_proof, draining_since = excluded.draining_since`,

  worker: `select ${workerColumns}
from workers
where key = ?1`,

  liveWorkers: `select ${workerColumns}
from workers
where gone_at is null`,

  workers: `select ${workerColumns}
from workers
order by key`,
} as const
