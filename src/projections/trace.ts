import type { timeoutsOf } from './timeouts.ts'
import type { artifactView, EventView, ExecutionView, effectView, LogLineView, stepView } from './view.ts'

export interface TraceParts {
  readonly execution: ExecutionView
  readonly events: readonly EventView[]
  readonly steps: readonly ReturnType<typeof stepView>[]
  readonly effects: readonly ReturnType<typeof effectView>[]
  readonly artifacts: readonly ReturnType<typeof artifactView>[]
  readonly timeouts: ReturnType<typeof timeoutsOf>
  readonly logs: readonly LogLineView[]
}

const refusedTypes: ReadonlySet<string> = new Set([
  'transition_refused',
  'write_fenced',
  'rbac_violation',
  'idempotency_conflict',
])

/** Everything about one execution in one answer: from the command that asked for it to its last event. */
export function traceOf({ execution, events, steps, effects, artifacts, timeouts, logs }: TraceParts) {
  const { traceId, policyVersion, approvalLevel, requestedBy, recordOnly, idempotencyKey, generation } = execution
  return {
    traceId,
    execution,
    /** What was decided by which rules, and what was refused. */
    decisions: {
      policyVersion,
      approvalLevel,
      requestedBy,
      recordOnly,
      idempotencyKey,
      generation,
      /** The timeout policies that decided, at admission and at each claim. */
      timeouts,
      refused: events
        .filter(({ type }) => refusedTypes.has(type))
        .map(({ sequence, type, at, principal, data }) => ({ sequence, type, at, principal, ...data })),
    },
    counts: {
      events: events.length,
      claims: events.filter(({ type }) => type === 'claim').length,
      retries: events.filter(({ type }) => type === 'fail_retryable').length,
      lostLeases: events.filter(({ type }) => type === 'lease_expired').length,
      replays: events.filter(({ type }) => type === 'idempotent_replay').length,
    },
    events,
    steps,
    effects,
    artifacts,
    logs,
  }
}
