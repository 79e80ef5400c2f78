/**
 * The state machine of an execution: the only place where a state, an event or a transition is named.
 * Types, runtime checks, the guards in the database, the reference page and the diagram derive from it.
 *
 * An event with several targets lists them in the order in which `decide` tries them.
 * Codes are what rows hold; a code is never reused for another meaning.
 */
export const stateCodes = {
  requested: 1,
  approved: 2,
  queued: 3,
  running: 4,
  waiting: 5,
  retryable_failed: 6,
  succeeded: 7,
  failed: 8,
  expired: 9,
  canceled: 10,
} as const

export type State = keyof typeof stateCodes

type Targets = State | readonly State[]
type Machine = { readonly [S in State | 'none']: { readonly [event: string]: Targets } }

function defineMachine<const M extends Machine>(machine: M): M {
  return machine
}

export const machine = defineMachine({
  none: { request: 'requested', enqueue: 'queued' },
  requested: {
    planned: 'requested',
    vote: 'requested',
    replanned: 'requested',
    fail_retryable: 'requested',
    hand_back: 'requested',
    lease_expired: 'requested',
    invalidate: 'requested',
    approve: 'approved',
    reject: 'canceled',
    fail: 'failed',
    cancel: 'canceled',
    expire: 'expired',
  },
  approved: { resume: 'queued', invalidate: 'requested', cancel: 'canceled', expire: 'expired' },
  queued: {
    claim: 'running',
    invalidate: 'requested',
    fail: 'failed',
    cancel: 'canceled',
    expire: 'expired',
  },
  running: {
    succeed: 'succeeded',
    fail: 'failed',
    fail_retryable: 'retryable_failed',
    suspend: 'waiting',
    hand_back: 'queued',
    cancel: 'canceled',
    expire: 'expired',
    invalidate: ['requested', 'waiting'],
    lease_expired: ['waiting', 'canceled', 'expired', 'failed', 'retryable_failed'],
  },
  waiting: {
    vote: 'waiting',
    approve: 'waiting',
    invalidate: 'waiting',
    wake: 'queued',
    reject: 'canceled',
    fail: 'failed',
    cancel: 'canceled',
    expire: 'expired',
  },
  retryable_failed: {
    claim: 'running',
    invalidate: 'waiting',
    fail: 'failed',
    cancel: 'canceled',
    expire: 'expired',
  },
  succeeded: {},
  failed: { redrive: ['queued', 'requested'] },
  expired: { redrive: ['queued', 'requested'] },
  canceled: { redrive: ['queued', 'requested'] },
})

/** Facts: events that leave the state as it is. */
export const eventCodes = {
  request: 1,
  enqueue: 2,
  planned: 3,
  vote: 4,
  replanned: 5,
  approve: 6,
  reject: 7,
  resume: 8,
  invalidate: 9,
  claim: 10,
  succeed: 11,
  fail: 12,
  fail_retryable: 13,
  suspend: 14,
  wake: 15,
  hand_back: 16,
  cancel: 17,
  expire: 18,
  lease_expired: 19,
  redrive: 20,
  cancel_requested: 40,
  retry_requested: 41,
  step_started: 42,
  step_recorded: 43,
  effect_intended: 44,
  effect_recorded: 45,
  effect_in_doubt: 46,
  effect_reconciled: 47,
  progress: 48,
  transition_refused: 49,
  write_fenced: 50,
  rbac_violation: 51,
  worker_stalled: 52,
  idempotent_replay: 53,
  idempotency_conflict: 54,
  artifact_stored: 55,
  planning_started: 56,
  signal_received: 57,
  child_spawned: 58,
  target_settled: 59,
  deadline_moved: 60,
  quarantined: 61,
  permit_broken: 62,
  rerun_requested: 63,
  archived: 64,
  restored: 65,
  schedule_fired: 66,
  policy_changed: 67,
  policy_refused: 68,
} as const

export type EventType = keyof typeof eventCodes

export const states = Object.keys(stateCodes) as readonly State[]
export const terminalStates = ['succeeded', 'failed', 'expired', 'canceled'] as const satisfies readonly State[]

const terminal: ReadonlySet<State> = new Set(terminalStates)
export const isTerminal = (state: State): boolean => terminal.has(state)

const stateOfCode = new Map<number, State>(states.map((state) => [stateCodes[state], state]))
const eventOfCode = new Map<number, EventType>(
  (Object.keys(eventCodes) as EventType[]).map((event) => [eventCodes[event], event]),
)

export function stateOf(code: number): State {
  const state = stateOfCode.get(code)
  if (state === undefined) throw new Error(`no state has the code ${code}`)
  return state
}

export function eventOf(code: number): EventType {
  const event = eventOfCode.get(code)
  if (event === undefined) throw new Error(`no event has the code ${code}`)
  return event
}

/** The states that `event` may lead to from `from`; empty when the transition is illegal. `null` is "does not exist yet". */
export function targets(from: State | null, event: string): readonly State[] {
  const row: { readonly [event: string]: Targets } = machine[from ?? 'none']
  if (!Object.hasOwn(row, event)) return []
  const to = row[event]
  return to === undefined ? [] : typeof to === 'string' ? [to] : to
}

export interface Transition {
  readonly from: State | null
  readonly event: EventType
  readonly to: State
}

/** Every legal transition, in declaration order. */
export const transitions: readonly Transition[] = (['none', ...states] as const).flatMap((from) =>
  Object.keys(machine[from]).flatMap((event) => {
    const source = from === 'none' ? null : from
    return targets(source, event).map((to) => ({ from: source, event: event as EventType, to }))
  }),
)

const legalPairs = new Set(transitions.map(({ from, to }) => `${from}>${to}`))

/** Whether some event leads from `from` to another state `to`. The database guards hold this relation. */
export const isLegalPair = (from: State, to: State): boolean => legalPairs.has(`${from}>${to}`)

/** The names of other systems for these states (REL: execution queue, CP: control plane). */
export const aliases: { readonly [S in State]: { readonly rel: string; readonly cp: string } } = {
  requested: { rel: 'queued', cp: 'REQUESTED' },
  approved: { rel: 'queued', cp: 'APPROVED' },
  queued: { rel: 'queued', cp: 'QUEUED' },
  running: { rel: 'running', cp: 'RUNNING' },
  waiting: { rel: 'queued', cp: 'QUEUED' },
  retryable_failed: { rel: 'retryable_failed', cp: 'QUEUED' },
  succeeded: { rel: 'completed', cp: 'SUCCEEDED' },
  failed: { rel: 'failed_terminal', cp: 'FAILED' },
  expired: { rel: 'expired', cp: 'EXPIRED' },
  canceled: { rel: 'canceled', cp: 'CANCELED' },
}
