import type { OrderOf, Orders } from '../commit/order.ts'
import { classify } from '../errors/failures.ts'
import { orThrow } from '../errors/refusal.ts'
import type { FleetProcess } from '../store/fleet.ts'
import type { Awaitable } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { type ProcessTable, proofOfDeath } from './proof-of-death.ts'
import { repeat } from './recovery.ts'
import type { ProcessFacts } from './this-process.ts'

export interface PresenceOptions {
  readonly orders: Orders
  /** All processes on record. */
  readonly processes: () => Awaitable<readonly FleetProcess[]>
  readonly self: Omit<OrderOf<'present'>['process'], 'startedAt' | keyof ProcessFacts>
  readonly here: ProcessFacts
  readonly table: ProcessTable
  readonly clock: Clock
  readonly heartbeatMs: number
  /** Others may hold the store at the same time: that this process holds it proves nobody's end. */
  readonly isShared?: boolean | undefined
  readonly log: (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Keeps this process in the list of those that hold the store, whatever it is there for. */
export interface Presence {
  start(): Promise<void>
  stop(): Promise<void>
}

/** However often workers beat: people need not know sooner, and a word may be late by two before nobody believes it. */
const everyMs = { min: 1_000, max: 10_000 } as const

/**
 * Says every few seconds that this process is there, and of each one of its machine that is proven dead that it has ended.
 * It is told to people and decides nothing: where the store does not answer, the process goes on.
 */
export function createPresence({ orders, clock, here, table, log, ...options }: PresenceOptions): Presence {
  const self = { ...options.self, ...here }
  let last: FleetProcess | undefined
  let beats: { stop(): Promise<void> } | undefined

  const proofOf = (other: FleetProcess, isStart: boolean): string | null => {
    if (other.id === self.id || other.endedAt !== null) return null
    if (isStart && options.isShared !== true) return 'the process that held the store before has ended'
    return proofOfDeath(other, here, table)
  }
  const beat = (): Promise<void> =>
    guarded(async () => {
      const isStart = last === undefined
      const process = { ...self, startedAt: last?.startedAt ?? null }
      last = orThrow(await orders.give<'present'>({ kind: 'present', process })) as FleetProcess
      for (const other of await options.processes()) {
        const proof = proofOf(other, isStart)
        if (proof !== null) await orders.give<'departed'>({ kind: 'departed', process: other, proof })
      }
    })
  const guarded = (duty: () => Promise<void>): Promise<void> =>
    duty().catch((thrown: unknown) =>
      log('warn', `Telling that this process is there failed: ${classify(thrown).message}`, {}),
    )

  return {
    async start() {
      await beat()
      beats = repeat(clock, Math.min(Math.max(options.heartbeatMs, everyMs.min), everyMs.max), beat)
    },
    async stop() {
      await beats?.stop()
      const process = last
      if (process === undefined) return
      await guarded(async () => {
        await orders.give<'departed'>({ kind: 'departed', process, proof: null })
      })
    },
  }
}
