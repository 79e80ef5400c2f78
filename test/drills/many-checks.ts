import type { Leader } from '../../src/store/fleet.ts'
import type { LogRow, Worker } from '../../src/store/rows.ts'
import type { Check } from './checks.ts'

/** At each position of the log, of those that hold one lock no two run. */
export function exclusiveTogether(rows: readonly LogRow[], lockOf: ReadonlyMap<number, string>): Check {
  const holders = new Map<string, number>()
  const complaints: string[] = []
  for (const { position, to, executions } of rows) {
    for (const id of executions) {
      const lock = lockOf.get(id)
      if (lock === undefined) continue
      const holder = holders.get(lock)
      if (to !== 'running') {
        if (holder === id) holders.delete(lock)
      } else if (holder === undefined) holders.set(lock, id)
      else if (holder !== id)
        complaints.push(`at position ${position}, executions ${holder} and ${id} both ran under ${lock}`)
    }
  }
  return { promise: 'SE-24 no permit is given to two at a time', complaints }
}

/** An epoch begins only once the one before was given up, or its time was over. */
export function oneLeader(leaders: readonly Leader[]): Check {
  const complaints: string[] = []
  const oldest = leaders.toSorted((a, b) => a.epoch - b.epoch)
  for (const [index, { epoch, since }] of oldest.entries()) {
    const before = oldest[index - 1]
    if (before === undefined) continue
    const freeAt = before.endedAt ?? before.until ?? Number.POSITIVE_INFINITY
    if (epoch !== before.epoch + 1) complaints.push(`epoch ${epoch} follows ${before.epoch}`)
    if (since < freeAt) complaints.push(`epoch ${epoch} began ${freeAt - since} ms before the one before was over`)
  }
  if (leaders.length === 0) complaints.push('nobody ever led')
  return { promise: 'CP-004a one process leads at a time', complaints }
}

/** One incarnation of a worker: from when it was ready until it was killed, or the end. */
export interface Incarnation {
  readonly identity: string
  readonly pid: number
  from: number
  until: number | null
}

/** As long as a claim and a run may take on a busy machine. */
const timeToSettleMs = 10_000

/** Whoever was started anew and lived for a while has settled something. */
export function settledAgain(
  incarnations: readonly Incarnation[],
  workers: readonly Pick<Worker, 'key' | 'pid'>[],
  rows: readonly LogRow[],
): Check {
  const settled = new Set(rows.flatMap(({ type, worker }) => (type === 'succeed' && worker !== null ? [worker] : [])))
  const pids = new Set(workers.filter(({ key }) => settled.has(key)).map(({ pid }) => pid))
  const complaints = incarnations
    .filter(({ identity, from, until }) => identity !== 'closing' && (until ?? Infinity) - from > timeToSettleMs)
    .filter(({ pid }) => !pids.has(pid))
    .map(({ identity, pid }) => `${identity} was started as process ${pid} and never settled anything`)
  return { promise: 'CP-004a each worker settles again after each of its restarts', complaints }
}

/** What somebody read while it came to be is what is there in the end. */
export function readAsStored(
  { rows, complaints }: { readonly rows: readonly LogRow[]; readonly complaints: readonly string[] },
  stored: readonly LogRow[],
): Check {
  const found = [...complaints]
  if (rows.length !== stored.length) found.push(`${stored.length} rows are stored, and ${rows.length} were read`)
  for (const [index, row] of stored.entries()) {
    if (JSON.stringify(row) !== JSON.stringify(rows[index])) found.push(`position ${row.position} reads otherwise now`)
  }
  const promise = 'CP-001d whoever reads the feed meanwhile sees each event once, in order, as it stays'
  return { promise, complaints: found }
}
