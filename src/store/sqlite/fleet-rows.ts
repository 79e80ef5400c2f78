import type { FleetProcess, Leader } from '../fleet.ts'
import type { Worker, WorkerDrain } from '../rows.ts'
import type { Row } from './rows-of.ts'

/** Reads and makes the rows of workers, leaders and processes. */
export function workerOf(row: Row): Worker {
  const [key, identity, incarnation, host, pid, startedTicks, bootId, actions, slots, registeredAt, seenAt] = row
  const [goneAt, goneProof, drainingSince, isolates, role, at, by, reason, until] = row.slice(11)
  return {
    key,
    identity,
    incarnation,
    host,
    pid,
    startedTicks,
    bootId,
    actions: JSON.parse(actions as string) as Worker['actions'],
    slots,
    registeredAt,
    seenAt,
    goneAt,
    goneProof,
    drainingSince,
    isolates: isolates === 1,
    role,
    drain: at === null ? null : ({ at, by, reason, until } as WorkerDrain),
  } as Worker
}

/** In the order of the columns. */
export const cellsOfWorker = (worker: Worker): readonly (string | number | null)[] => [
  worker.key,
  worker.identity,
  worker.incarnation,
  worker.host,
  worker.pid,
  worker.startedTicks,
  worker.bootId,
  JSON.stringify(worker.actions.map(({ action, version }) => ({ action, version }))),
  worker.slots,
  worker.registeredAt,
  worker.seenAt,
  worker.goneAt,
  worker.goneProof,
  worker.drainingSince,
  worker.isolates ? 1 : 0,
  worker.role,
  worker.drain?.at ?? null,
  worker.drain?.by ?? null,
  worker.drain?.reason ?? null,
  worker.drain?.until ?? null,
]

export const leaderOf = ([epoch, holder, host, pid, since, until, endedAt, refused, refusedAt]: Row): Leader =>
  ({ epoch, holder, host, pid, since, until, endedAt, refused, refusedAt }) as Leader

export const cellsOfLeader = (leader: Leader): readonly (string | number | null)[] => [
  leader.epoch,
  leader.holder,
  leader.host,
  leader.pid,
  leader.since,
  leader.until,
  leader.endedAt,
  leader.refused,
  leader.refusedAt,
]

export function processOf(row: Row): FleetProcess {
  const [id, role, name, host, pid, startedTicks, bootId, version, schema, startedAt, seenAt, endedAt, proof] = row
  return {
    id,
    role,
    name,
    host,
    pid,
    startedTicks,
    bootId,
    version,
    schema,
    startedAt,
    seenAt,
    endedAt,
    proof,
  } as FleetProcess
}

export const cellsOfProcess = (is: FleetProcess): readonly (string | number | null)[] => [
  is.id,
  is.role,
  is.name,
  is.host,
  is.pid,
  is.startedTicks,
  is.bootId,
  is.version,
  is.schema,
  is.startedAt,
  is.seenAt,
  is.endedAt,
  is.proof,
]
