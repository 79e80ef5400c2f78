import type { ContenderName } from './contender.ts'
import type { Machine } from './machine.ts'
import type { Figures } from './scenarios.ts'

export type FigureName = keyof Figures

export interface Measured {
  readonly name: ContenderName
  readonly title: string
  readonly configuration: string
  /** One value for each counted round. */
  readonly figures: Partial<Record<FigureName, readonly number[]>>
  /** Executions in one round of each scenario, chosen so that a round takes about the same time for everybody. */
  readonly counts: Partial<Record<string, number>>
}

export interface NotMeasured {
  readonly name: ContenderName
  readonly title: string
  readonly configuration: string
  /** Why it was not measured here. */
  readonly missing: string
}

export interface Results {
  readonly at: string
  readonly commit: string
  readonly command: string
  readonly rounds: number
  readonly machine: Machine
  /** The same as in `machine`, measured again at the end: a machine that was busy meanwhile shows here. */
  readonly fsyncMsAtEnd: Machine['fsyncMs']
  /** Servers that were started for the peers. */
  readonly servers: readonly string[]
  readonly contenders: readonly (Measured | NotMeasured)[]
  readonly audit: {
    /** Executions whose whole history was read back. */
    readonly executions: number
    readonly eventsPerExecution: number
    /** From submission to end. */
    readonly walBytesPerExecution: number
  }
}

export const isMeasured = (contender: Measured | NotMeasured): contender is Measured => 'figures' in contender

export const rows: readonly { readonly figure: FigureName; readonly title: string; readonly unit: 'per s' | 'ms' }[] = [
  { figure: 'drain', title: 'S1 drain', unit: 'per s' },
  { figure: 'e2e', title: 'S2 end to end', unit: 'per s' },
  { figure: 'bulk', title: 'S3 bulk submit', unit: 'per s' },
  { figure: 'inFlight', title: 'S3 submit, 10 in flight', unit: 'per s' },
  { figure: 'idleStart', title: 'S4 idle: start, p50', unit: 'ms' },
  { figure: 'idleDone', title: 'S4 idle: done, p50', unit: 'ms' },
]

/** Pawl's figure over the peer's: at least `bound` for rates, at most for times. */
export const goals: readonly { readonly figure: FigureName; readonly peer: ContenderName; readonly bound: number }[] = [
  { figure: 'drain', peer: 'plainjob', bound: 12 },
  { figure: 'drain', peer: 'graphile', bound: 1.3 },
  { figure: 'e2e', peer: 'plainjob', bound: 10 },
  { figure: 'e2e', peer: 'graphile', bound: 1.7 },
  { figure: 'bulk', peer: 'graphile', bound: 2 },
  { figure: 'inFlight', peer: 'graphile', bound: 15 },
  { figure: 'inFlight', peer: 'bullmq', bound: 3 },
  { figure: 'idleStart', peer: 'bullmq', bound: 0.65 },
  { figure: 'idleDone', peer: 'bullmq', bound: 0.55 },
]

export const walBytesMax = 1_600
export const eventsWanted = 3
