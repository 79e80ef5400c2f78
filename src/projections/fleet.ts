import { isInProcess } from '../recover/incarnation.ts'
import type { FleetProcess, Leader, ProcessRole } from '../store/fleet.ts'
import type { Worker } from '../store/rows.ts'
import type { Views } from '../store/store.ts'
import { isLive, silentMs, timeOrNull, timeText, type WorkerView, workerView } from './view.ts'

/** A worker or another process of the fleet. */
export type FleetView = Omit<WorkerView, 'role'> & Standing & { readonly role: ProcessRole }

/** What a process says of itself; nothing where a worker does not hold the store itself. */
interface Standing {
  /** The epoch under which it leads; null while it does not. */
  readonly leads: number | null
  readonly version: string | null
  readonly schema: number | null
}

const unknown: Standing = { leads: null, version: null, schema: null }

/** Has not ended, and was heard of lately. */
export const isPresent = ({ endedAt, seenAt }: FleetProcess, now: number): boolean =>
  endedAt === null && now - seenAt < silentMs

/** A process as it is listed among workers: it takes no work. */
const processView = (process: FleetProcess, now: number, leader: Leader | undefined): FleetView => ({
  id: process.name,
  state: processState(process, now),
  ...standingOf(process, now, leader),
  role: process.role,
  incarnation: process.id,
  host: process.host,
  pid: process.pid,
  actions: [],
  slots: 0,
  registeredAt: timeText(process.startedAt),
  seenAt: timeText(process.seenAt),
  goneAt: process.proof === null ? null : timeOrNull(process.endedAt),
  goneProof: process.proof,
  drainingSince: null,
  drain: null,
})

/**
 * Everybody of the fleet: each worker, with what its process says of itself, and each process for which no worker stands,
 * because it never had one or because that one has signed off.
 */
export async function fleetOf(views: Views, now: number): Promise<readonly FleetView[]> {
  const [workers, processes, [leader]] = await Promise.all([views.workers(), views.processes(), views.leaders(1)])
  const byPlace = new Map(processes.map((process) => [placeOf(process), process]))
  const standing = new Set<FleetProcess>()
  const listed = workers.map((worker) => {
    const process = isInProcess(worker.incarnation) ? byPlace.get(placeOf(worker)) : undefined
    if (process === undefined) return { ...workerView(worker, now), ...unknown }
    if (process.endedAt !== null || isLive(worker, now) || !isPresent(process, now)) standing.add(process)
    return { ...workerView(worker, now), role: process.role, ...standingOf(process, now, leader) }
  })
  const others = processes.filter((process) => !standing.has(process))
  return [...listed, ...others.map((process) => processView(process, now, leader))]
}

function processState(process: FleetProcess, now: number): WorkerView['state'] {
  if (process.endedAt !== null) return process.proof === null ? 'signed_off' : 'gone'
  return isPresent(process, now) ? 'live' : 'silent'
}

const standingOf = (process: FleetProcess, now: number, leader: Leader | undefined): Standing => ({
  leads: leader !== undefined && isLedBy(process, leader, now) ? leader.epoch : null,
  version: process.version,
  schema: process.schema,
})

const isLedBy = ({ id, ...process }: FleetProcess, { holder, endedAt, until }: Leader, now: number): boolean =>
  holder === id && process.endedAt === null && endedAt === null && (until === null || until > now)

/** Where a process can be found: a worker in it says the same. */
const placeOf = ({ host, pid, startedTicks, bootId }: Pick<Worker, 'host' | 'pid' | 'startedTicks' | 'bootId'>) =>
  JSON.stringify([host, pid, startedTicks, bootId])
