import type { Carrier } from '../../src/protocol/heart-thread.ts'
import type { LogRow, Worker } from '../../src/store/rows.ts'
import type { Times } from './profiles.ts'

/** The four effects of the workload: two kinds whose replay is safe, an opaque one that can be looked up, one that cannot. */
export const effectNames = ['keyed', 'fenced', 'opaque', 'blind'] as const
export type EffectName = (typeof effectNames)[number]

/**
 * Instants at which a run can be caught: in a step · between the committed intent and the first byte · when the target
 * has received the request and not applied it · when it has applied it and not answered · between the answer and its
 * record · between the last record and the end.
 */
export type Point =
  | 'step'
  | `intent:${EffectName}`
  | `received:${EffectName}`
  | `applied:${EffectName}`
  | `answered:${EffectName}`
  | 'settle'

export const points: readonly Point[] = [
  ...(['intent', 'applied', 'answered', 'received'] as const).flatMap((when) =>
    effectNames.map((name): Point => `${when}:${name}`),
  ),
  'settle',
  'step',
]

/** What a run of the drill's action says when it has come to the point where it is to be caught. */
export interface Arrived {
  readonly ticket: number
  readonly point: Point
  readonly execution: string
  readonly fence: number
}

/** How the other side answered a write that ends a run, and every write that it refused. */
export interface Written {
  readonly id: number
  readonly fence: number
  readonly command: string
  readonly refused: string | null
}

export interface SubmitCommand {
  readonly key: string
  readonly hold: Point | null
  readonly blind: boolean
  /** Does not listen to the abort signal. */
  readonly deaf: boolean
}

/** Work other than the drills' own, by the name of its action. */
export interface SubmitOther {
  readonly key: string
  readonly action: string
  readonly input: Readonly<Record<string, string | number>>
}

export interface Submitted {
  readonly publicId: string
  readonly id: number
}

export interface ResolveCommand {
  readonly publicId: string
  readonly effectKey: string
  readonly verdict: 'applied' | 'not_applied'
}

/** Many executions of an action without effects, admitted in one commit, all with the same deadline. */
export interface CrowdCommand {
  readonly action: 'drill.quick' | 'drill.unserved' | 'drill.patient'
  readonly count: number
  /** Milliseconds from now; null for none. */
  readonly deadlineMs: number | null
}

/** Ids in the order in which they were submitted. */
export interface Crowd {
  readonly ids: readonly number[]
  /** Epoch milliseconds; null for none. */
  readonly deadline: number | null
}

export interface PauseCommand {
  readonly action: 'drill.quick'
  readonly on: boolean
  readonly pacePerSecond?: number
}

/** Cancels all of them, in one moment. */
export interface CancelCommand {
  readonly ids: readonly number[]
}

export type Command =
  | { readonly cancel: CancelCommand }
  | { readonly crowd: CrowdCommand }
  | { readonly pause: PauseCommand }
  | { readonly serve: { readonly port: number; readonly token: string | null } }
  | { readonly submit: SubmitCommand }
  | { readonly submitOther: SubmitOther }
  | { readonly resolve: ResolveCommand }
  /** By its public id. */
  | { readonly redrive: string }
  | { readonly workers: true }
  | { readonly stop: true }

export type KnownWorker = Pick<Worker, 'key' | 'identity' | 'pid' | 'goneAt'>

/** From a child to the drill. */
export type FromChild =
  | { readonly ready: { readonly head: number; readonly freed: number; readonly address: string } }
  | { readonly rows: readonly LogRow[] }
  | { readonly reply: number; readonly value: unknown; readonly refused: string | null }
  | { readonly arrived: Arrived }
  | { readonly left: string }
  | { readonly written: Written }
  | { readonly said: string }
  | { readonly lateMs: number }
  | { readonly redis: 'away' | 'back' }

/** From the drill to a child. */
export type ToChild =
  | { readonly go: number }
  | { readonly release: number }
  | { readonly ask: number; readonly command: Command }

/** Where workers reach the server over HTTP; the same after it was started anew. */
export interface WebAddress {
  readonly port: number
  readonly token: string
}

export interface ServerOptions {
  readonly path: string
  readonly socket: string
  readonly times: Times
  readonly target: string
  readonly embeddedSlots: number
  /** What differs from the settings of the other drills. */
  readonly settings: { readonly poisonLosses?: number; readonly stallLimitMs?: number }
  /** Carries hints of due work; null leaves workers to the store. */
  readonly redisUrl: string | null
  /** Log position behind which the drill has not seen anything yet. */
  readonly after: number
}

export interface WorkerOptions {
  readonly carrier: Exclude<Carrier, { readonly kind: 'port' }>
  readonly target: string
  readonly identity: string
  readonly slots: number
  readonly redisUrl: string | null
  /** Module of the actions that it runs instead of the drills' own; suspects among them run in processes of their own. */
  readonly actionsModule: string | null
  /** Names another machine, on which the server cannot look for a process. */
  readonly elsewhere: boolean
}

export type MemberRole = 'api' | 'leader' | 'worker'

/** One of many processes on one PostgreSQL database. */
export interface MemberOptions {
  readonly store: string
  readonly role: MemberRole
  readonly identity: string
  readonly slots: number
  readonly target: string
  readonly dataDir: string
  readonly times: Times
  /** Carries hints of due work. */
  readonly redisUrl: string
}

export interface TargetOptions {
  readonly record: string
  /** Where the intents are, a file or the address of a server: the target looks for one whenever a request arrives. */
  readonly database: string
  /** Honours neither keys nor fences: a deliberate fault, which must turn the drill red. */
  readonly forgetful: boolean
}
