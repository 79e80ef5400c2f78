import type { OpenedSqlite } from '../../src/store/sqlite/open.ts'
import { Replay, type Replayed } from '../simulation/replay.ts'
import { Tables } from '../simulation/tables.ts'

export interface Recovery {
  readonly execution: number
  /** Incarnation that lost the lease. */
  readonly worker: number
  readonly cause: string
  readonly claimedAt: number
  /** False when it came to rest because a person has to look, or because it had ended. */
  readonly wasClaimed: boolean
  /** When it went on: claimed again, or at rest because a person has to look. */
  readonly wentOnAt: number
}

/** What the tables say about everything that happened. */
export interface History {
  readonly complaints: readonly string[]
  readonly executions: ReadonlyMap<number, Replayed>
  /** How often each was intended, by `effectKey fence`. */
  readonly intents: ReadonlyMap<string, number>
  /** How often it was concluded by effect key that the effect had not happened. */
  readonly noes: ReadonlyMap<string, number>
  readonly recoveries: readonly Recovery[]
  readonly fencedWrites: number
  readonly position: number
}

/** Replays the log, and holds every row and the ledger against it. */
export function readHistory(opened: OpenedSqlite): History {
  const complaints: string[] = []
  const report = (invariant: string, message: string): number => complaints.push(`${invariant} ${message}`)
  const views = opened.views()
  const goneAt = new Map(views.workers().map((worker) => [worker.key, worker.goneAt]))
  let now = 0
  const isGone = (worker: number): boolean => (goneAt.get(worker) ?? Number.POSITIVE_INFINITY) <= now
  const replay = new Replay({ report, isGone })
  const intents = new Map<string, number>()
  const noes = new Map<string, number>()
  const claims = new Map<number, number>()
  const lost = new Map<number, Omit<Recovery, 'wentOnAt' | 'wasClaimed'>>()
  const recoveries: Recovery[] = []
  let fencedWrites = 0
  let position = 0
  for (let rows = views.log(0, 1_000); rows.length > 0; rows = views.log(position, 1_000)) {
    for (const row of rows) {
      now = row.at
      position = row.position
      replay.takeRow(row)
      for (const [index, execution] of row.executions.entries()) {
        const data = row.data?.[index] ?? {}
        const effectKey = String(data.effectKey)
        if (row.type === 'effect_intended') {
          const intent = `${effectKey} ${replay.executions.get(execution)?.fence}`
          intents.set(intent, (intents.get(intent) ?? 0) + 1)
        } else if (data.outcome === 'not_applied') {
          noes.set(effectKey, (noes.get(effectKey) ?? 0) + 1)
        } else if (row.type === 'write_fenced') {
          fencedWrites += 1
        } else if (row.type === 'lease_expired') {
          const worker = Number(data.worker)
          const loss = { execution, worker, cause: String(data.cause), claimedAt: claims.get(execution) ?? 0 }
          if (row.to === 'retryable_failed') lost.set(execution, loss)
          else recoveries.push({ ...loss, wasClaimed: false, wentOnAt: row.at })
        } else if (row.type === 'claim') {
          const loss = lost.get(execution)
          if (loss !== undefined) recoveries.push({ ...loss, wasClaimed: true, wentOnAt: row.at })
          lost.delete(execution)
          claims.set(execution, row.at)
        }
      }
    }
  }
  for (const { execution } of lost.values()) complaints.push(`liveness execution ${execution} was never claimed again`)
  const tables = new Tables(opened.raw, { report, isCellOf: () => false })
  for (const told of replay.executions.values()) tables.check(told)
  for (const id of tables.ids()) if (!replay.executions.has(id)) complaints.push(`I18 execution ${id} has no event`)
  tables.checkIndexes(replay.executions.keys())
  tables.checkKeys()
  return { complaints, executions: replay.executions, intents, noes, recoveries, fencedWrites, position }
}
