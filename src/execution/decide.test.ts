import { describe, expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import { defaultRetryPolicy } from '../time/backoff.ts'
import type { Command } from './command.ts'
import { decide } from './decide.ts'
import type { Decision, Surroundings } from './decision.ts'
import type { Effect, Execution } from './execution.ts'
import { type State, states, targets } from './machine.ts'

const now = 1_000_000

function anExecution(over: Partial<Execution> = {}): Execution {
  return {
    id: 1,
    tenant: 'default',
    queue: 1,
    state: 'running',
    n: 2,
    attempt: 1,
    maxAttempts: 3,
    fence: 7,
    head: 7,
    rank: 0,
    availableAt: now - 10,
    deadlineAt: null,
    worker: 1,
    leaseUntil: now + 30_000,
    leaseRenewals: 0,
    waitingFor: null,
    ending: null,
    openEffects: 0,
    journal: 0,
    reconciles: 0,
    cancelledBy: null,
    cancelledAt: null,
    cancelChecks: 0,
    lastErrorClass: null,
    lastError: null,
    updatedAt: now - 10,
    startedAt: now - 10,
    finishedAt: null,
    waitingOn: null,
    losses: 0,
    loneLosses: 0,
    idleSince: null,
    holdUntil: null,
    gate: null,
    parent: null,
    ...over,
  }
}

function anEffect(over: Partial<Effect> = {}): Effect {
  return {
    id: 1,
    effectKey: 'k',
    step: 'run',
    name: 'upsert',
    ordinal: 0,
    target: 'keyed',
    reconcilable: true,
    state: 'intended',
    intents: 1,
    fence: 7,
    worker: 1,
    intendedAt: now - 5,
    concludedAt: null,
    value: null,
    errorClass: null,
    error: null,
    ...over,
  }
}

const around = (over: Partial<Surroundings> = {}): Surroundings => ({
  now,
  principal: 'human:op',
  effects: [],
  stepRecorded: false,
  signals: [],
  fingerprint: null,
  isGone: () => false,
  request: null,
  plan: null,
  targets: new Map(),
  ...over,
})

function decided(execution: Execution, command: Command, surroundings = around()): Decision {
  const answer = decide(execution, command, surroundings)
  if (isRefusal(answer)) throw new Error(`refused: ${answer.code} ${answer.reason}`)
  return answer
}

const last = (decision: Decision) => decision.facts.at(-1)
const code = (answer: ReturnType<typeof decide>) => (isRefusal(answer) ? answer.code : null)

const policy = defaultRetryPolicy
const failure = (over: object = {}): Command => ({
  type: 'fail',
  fence: 7,
  errorClass: 'NetworkError',
  message: 'reset',
  retryable: true,
  policy,
  ...over,
})
const success: Command = { type: 'succeed', fence: 7, result: '{}', fingerprint: 'f' }
const intent: Command = {
  type: 'intend_effect',
  fence: 7,
  worker: 1,
  effectKey: 'k',
  step: 'run',
  name: 'upsert',
  ordinal: 0,
  target: 'keyed',
  reconcilable: true,
}

const commands: Command[] = [
  { type: 'claim', worker: 1, leaseMs: 1 },
  { type: 'renew', fence: 7, leaseMs: 1, cancelChecks: 0 },
  { type: 'progress', fence: 7, value: '0.5' },
  { type: 'record_step', fence: 7, name: 's', ordinal: 0, value: '1', startedAt: now },
  intent,
  { type: 'record_effect', fence: 7, effectKey: 'k', outcome: { kind: 'applied', value: '1' } },
  { type: 'reconcile_effect', fence: 7, effectKey: 'k', happened: true, value: '1' },
  success,
  failure(),
  { type: 'suspend', fence: 7, reason: 'timer', wakeAt: now + 5 },
  { type: 'suspend', fence: 7, reason: 'signal', wakeAt: null, awaits: [{ name: 'go', seq: 0 }] },
  { type: 'signal', name: 'go', payload: '1', dedupe: null },
  { type: 'process_gone' },
  { type: 'record_child', fence: 7, name: 'c', ordinal: 0, child: 'id', action: 'a', startedAt: now },
  { type: 'hand_back', fence: 7 },
  { type: 'end_reconciliation', fence: 7 },
  { type: 'lease_expired', cause: 'exit' },
  { type: 'cancel', reason: null },
  { type: 'retry' },
  { type: 'redrive', reason: 'again' },
  { type: 'wake', reason: 'timer' },
  { type: 'expire' },
  { type: 'resolve_effect', effectKey: 'k', verdict: 'applied', value: null, reason: 'seen' },
]

test('CP-001b whatever the state and the command, every fact follows a declared transition or leaves the state as it is', () => {
  for (const state of states) {
    for (const command of commands) {
      for (const effects of [
        [],
        [anEffect()],
        [anEffect({ target: 'opaque', reconcilable: false, state: 'in_doubt' })],
      ]) {
        for (const cancelledAt of [null, now - 1]) {
          const execution = anExecution({
            state,
            openEffects: effects.length,
            journal: effects.length,
            cancelledAt,
            cancelledBy: cancelledAt === null ? null : 'human:op',
            deadlineAt: command.type === 'expire' ? now : null,
          })
          const answer = decide(execution, command, around({ effects }))
          if (isRefusal(answer)) continue
          let at: State = state
          for (const fact of answer.facts) {
            if (fact.to !== at) expect(targets(at, fact.type), `${at} ${fact.type}`).toContain(fact.to)
            expect(fact.set.state ?? at).toBe(fact.to)
            at = fact.to
          }
        }
      }
    }
  }
})

test('CP-001c nothing but redrive leaves a terminal state', () => {
  for (const state of ['succeeded', 'failed', 'expired', 'canceled'] as const) {
    for (const command of commands) {
      const answer = decide(
        anExecution({ state, worker: null, leaseUntil: null }),
        command,
        around({ fingerprint: 'f' }),
      )
      if (!isRefusal(answer) && answer.facts.some(({ to }) => to !== state)) expect(command.type).toBe('redrive')
    }
  }
})

describe('fences', () => {
  const held = commands.filter((command) => 'fence' in command)
  test.each(held.map((command) => [command.type, command] as const))(
    'REL-07 %s under an old fence is refused and changes nothing',
    (_, command) => {
      const overtaken = anExecution({ fence: 8 })
      expect(code(decide(overtaken, command, around({ effects: [anEffect()] })))).toBe('lease_lost')
      const ended = anExecution({ state: 'retryable_failed' })
      expect(code(decide(ended, command, around({ effects: [anEffect()] })))).toBe('lease_lost')
    },
  )
})

describe('attempts', () => {
  test('REL-03 the first claim and one after a failure spend an attempt; waking and hand-back are free', () => {
    const claim: Command = { type: 'claim', worker: 1, leaseMs: 1 }
    const from = (state: State, attempt: number) => last(decided(anExecution({ state, attempt }), claim))?.set.attempt
    expect(from('queued', 0)).toBe(1)
    expect(from('queued', 2)).toBe(2)
    expect(from('retryable_failed', 1)).toBe(2)
  })

  test('REL-03 a retryable failure comes back later until the budget is spent, then it is failed', () => {
    expect(last(decided(anExecution({ attempt: 2 }), failure()))?.to).toBe('retryable_failed')
    expect(last(decided(anExecution({ attempt: 3 }), failure()))?.to).toBe('failed')
    expect(last(decided(anExecution(), failure({ retryable: false })))?.to).toBe('failed')
  })

  test('REL-03 what the other side asks to wait is waited', () => {
    const fact = last(decided(anExecution(), failure({ retryAfterMs: 3_600_000 })))
    expect(fact?.set.availableAt).toBe(now + 3_600_000)
  })
})

describe('the ledger', () => {
  const running = anExecution({ openEffects: 1, journal: 1 })
  test('CP-008d no terminal state while an effect is in doubt: it is claimed again for reconciliation only', () => {
    const open = around({ effects: [anEffect()] })
    const tired = { ...running, attempt: 3 }
    expect(last(decided(tired, failure(), open))).toMatchObject({ to: 'retryable_failed', set: { ending: 'failed' } })
    expect(last(decided({ ...running, cancelledAt: now, cancelledBy: 'human:op' }, failure(), open))).toMatchObject({
      to: 'retryable_failed',
      set: { ending: 'canceled' },
    })
    expect(last(decided({ ...tired, losses: 2 }, { type: 'lease_expired', cause: 'exit' }, open))).toMatchObject({
      to: 'retryable_failed',
      set: { ending: 'failed' },
    })
  })

  test.each(['queued', 'retryable_failed', 'waiting'] as const)(
    'CP-008d a cancel of a %s execution with an effect in doubt waits until the effect is known',
    (state) => {
      const left = { ...running, state, worker: null, leaseUntil: null }
      const decision = decided(
        left,
        { type: 'cancel', reason: null },
        around({ effects: [anEffect({ state: 'in_doubt' })] }),
      )
      expect(last(decision)).toMatchObject({ type: 'cancel_requested', to: state, set: { ending: 'canceled' } })
    },
  )

  test('CP-008d an opaque effect without reconcile waits for a person, whatever ended the run', () => {
    const open = around({ effects: [anEffect({ target: 'opaque', reconcilable: false })] })
    for (const command of [
      failure(),
      failure({ retryable: false }),
      { type: 'hand_back', fence: 7 },
      { type: 'lease_expired', cause: 'exit' },
    ] as Command[]) {
      expect(last(decided(running, command, open)), command.type).toMatchObject({
        to: 'waiting',
        set: { waitingFor: 'outcome' },
      })
    }
  })

  test('CP-008d success may not be claimed while an effect is unknown', () => {
    const decision = decided(running, success, around({ effects: [anEffect({ state: 'in_doubt' })] }))
    expect(last(decision)?.to).toBe('retryable_failed')
    expect(decision.outcome).toBeUndefined()
  })

  test('CP-008d an open intent is replayed for keyed and fenced targets and refused for opaque ones', () => {
    const doubt = (target: Effect['target']) => around({ effects: [anEffect({ target, state: 'in_doubt', fence: 3 })] })
    expect(decided(running, intent, doubt('keyed')).effects?.[0]).toMatchObject({
      state: 'intended',
      intents: 2,
      fence: 7,
    })
    expect(decided(running, intent, doubt('fenced')).facts[0]?.set.openEffects).toBe(1)
    expect(code(decide(running, intent, doubt('opaque')))).toBe('effect_in_doubt')
  })

  test.each(['opaque', 'keyed', 'fenced'] as const)(
    'CP-008d the "no" of a look at a %s target is believed only when the old process is proven dead',
    (target) => {
      const no: Command = { type: 'reconcile_effect', fence: 7, effectKey: 'k', happened: false, value: null }
      const effects = [anEffect({ target, state: 'in_doubt', fence: 3, worker: 9 })]
      expect(code(decide(running, no, around({ effects })))).toBe('old_process_alive')
      const believed = decided(running, no, around({ effects, isGone: (worker) => worker === 9 }))
      expect(believed.effects?.[0]?.state).toBe('not_applied')
    },
  )

  test('SE-25 no effect begins after a cancel was asked, nor in a claim for reconciliation only', () => {
    expect(code(decide(anExecution({ cancelledAt: now, cancelledBy: 'human:op' }), intent, around()))).toBe(
      'cancel_requested',
    )
    expect(code(decide(anExecution({ ending: 'failed' }), intent, around()))).toBe('reconcile_only')
  })

  test('CP-008d a doubled intent, outcome or step changes nothing', () => {
    expect(decided(running, intent, around({ effects: [anEffect()] })).facts).toEqual([])
    const outcome: Command = {
      type: 'record_effect',
      fence: 7,
      effectKey: 'k',
      outcome: { kind: 'applied', value: '1' },
    }
    expect(decided(running, outcome, around({ effects: [anEffect({ state: 'applied' })] })).facts).toEqual([])
    const step: Command = { type: 'record_step', fence: 7, name: 's', ordinal: 0, value: '1', startedAt: now }
    expect(decided(running, step, around({ stepRecorded: true })).facts).toEqual([])
  })

  test('CP-008d a person resolves what is in doubt and the execution goes on, or ends as it had earned', () => {
    const resolve: Command = {
      type: 'resolve_effect',
      effectKey: 'k',
      verdict: 'not_applied',
      value: null,
      reason: 'looked',
    }
    const effects = [anEffect({ state: 'in_doubt' })]
    const waiting = anExecution({
      state: 'waiting',
      waitingFor: 'outcome',
      openEffects: 1,
      worker: null,
      leaseUntil: null,
    })
    expect(last(decided(waiting, resolve, around({ effects })))?.to).toBe('queued')
    expect(last(decided({ ...waiting, ending: 'failed' }, resolve, around({ effects })))?.to).toBe('failed')
    expect(code(decide(waiting, resolve, around({ effects: [anEffect({ state: 'applied' })] })))).toBe(
      'effect_not_in_doubt',
    )
  })
})

describe('precedence', () => {
  const asked = anExecution({ cancelledAt: now - 1, cancelledBy: 'human:op' })
  test('SE-25 cancel beats retry, suspend, hand-back and lease loss; a success that arrives first wins', () => {
    expect(last(decided(asked, failure()))?.to).toBe('canceled')
    expect(last(decided(asked, { type: 'suspend', fence: 7, reason: 'timer', wakeAt: now + 1 }))?.to).toBe('canceled')
    expect(last(decided(asked, { type: 'hand_back', fence: 7 }))?.to).toBe('canceled')
    expect(last(decided(asked, { type: 'lease_expired', cause: 'exit' }))?.to).toBe('canceled')
    expect(last(decided(asked, success))?.to).toBe('succeeded')
  })

  test('CP-004a a lost lease ends at the first that holds: person, canceled, expired, failed, retryable_failed', () => {
    const lost: Command = { type: 'lease_expired', cause: 'exit' }
    const to = (over: Partial<Execution>, effects: Effect[] = []) =>
      last(decided(anExecution(over), lost, around({ effects })))?.to
    const person = anEffect({ target: 'opaque', reconcilable: false })
    expect(to({ cancelledAt: now, cancelledBy: 'x', openEffects: 1 }, [person])).toBe('waiting')
    expect(to({ cancelledAt: now, cancelledBy: 'x', deadlineAt: now - 1 })).toBe('canceled')
    expect(to({ deadlineAt: now - 1, attempt: 3 })).toBe('expired')
    expect(to({ attempt: 3, losses: 2 })).toBe('failed')
    expect(to({})).toBe('retryable_failed')
  })

  test('CP-004a a sweep leaves a lease alone that has not ended', () => {
    const sweep: Command = { type: 'lease_expired', cause: 'sweep' }
    expect(decided(anExecution({ leaseUntil: now + 1 }), sweep).facts).toEqual([])
    expect(last(decided(anExecution({ leaseUntil: now }), sweep))?.to).toBe('retryable_failed')
  })
})

test('REL-06a a second completion is the same one or it is refused', () => {
  const done = anExecution({ state: 'succeeded', worker: null, leaseUntil: null })
  expect(decided(done, success, around({ fingerprint: 'f' })).facts).toEqual([])
  expect(code(decide(done, success, around({ fingerprint: 'other' })))).toBe('outcome_differs')
})

test('SE-26 a success that comes after the deadline has ended the run stays expired', () => {
  expect(last(decided(anExecution({ ending: 'expired' }), success))).toMatchObject({ type: 'expire', to: 'expired' })
})

test('SE-14 cancelled_by and cancelled_at are set together, by whoever asked', () => {
  const fact = last(decided(anExecution({ state: 'queued' }), { type: 'cancel', reason: 'typo' }))
  expect(fact).toMatchObject({ to: 'canceled', set: { cancelledBy: 'human:op', cancelledAt: now } })
  expect(last(decided(anExecution(), { type: 'cancel', reason: null }))).toMatchObject({
    type: 'cancel_requested',
    to: 'running',
    set: { cancelledBy: 'human:op', cancelledAt: now },
  })
})

test('CP-001c redrive says why, gives a new budget and drops a deadline that has passed', () => {
  const failed = anExecution({ state: 'failed', attempt: 3, deadlineAt: now - 1, finishedAt: now - 1 })
  expect(last(decided(failed, { type: 'redrive', reason: 'fixed' }))).toMatchObject({
    to: 'queued',
    set: { attempt: 0, deadlineAt: null, finishedAt: null },
    data: { reason: 'fixed' },
  })
  expect(code(decide(anExecution({ state: 'succeeded' }), { type: 'redrive', reason: 'x' }, around()))).toBe(
    'illegal_transition',
  )
})
