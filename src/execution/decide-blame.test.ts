import { expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import type { Command, CrashEvidence } from './command.ts'
import { decide } from './decide.ts'
import type { Decision } from './decision.ts'
import { type Effect, type Execution, isSuspect } from './execution.ts'

const noPlan = { request: null, plan: null, targets: new Map() }
const now = 1_000_000
const evidence: CrashEvidence = { exitCode: 134, signal: null, memoryMb: 300, lastStep: 'load' }
const crashed: Command = { type: 'crashed', fence: 7, evidence }
const exited: Command = { type: 'lease_expired', cause: 'exit' }
const succeeded: Command = { type: 'succeed', fence: 7, result: '1', fingerprint: 'f' }
const handedBack: Command = { type: 'hand_back', fence: 7 }

const running = {
  id: 1,
  state: 'running',
  n: 2,
  attempt: 1,
  maxAttempts: 10,
  fence: 7,
  worker: 1,
  leaseUntil: now + 30_000,
  availableAt: now - 10,
  deadlineAt: null,
  ending: null,
  reconciles: 0,
  cancelledAt: null,
  losses: 0,
  loneLosses: 0,
  gate: null,
} as Execution

function decided(over: Partial<Execution>, command: Command, effects: readonly Effect[] = []): Decision {
  const around = {
    now,
    principal: 'worker:w',
    effects,
    stepRecorded: false,
    fingerprint: null,
    isGone: () => false,
    ...noPlan,
  }
  const answer = decide({ ...running, ...over }, command, around)
  if (isRefusal(answer)) throw new Error(answer.reason)
  return answer
}
const after = (over: Partial<Execution>, command: Command): Partial<Execution> =>
  Object.assign({}, ...decided(over, command).facts.map(({ set }) => set)) as Partial<Execution>

test('SE-23 a loss beside others blames nobody; a second one in a row makes a suspect', () => {
  const first = after({}, exited)
  expect(first).toMatchObject({ state: 'retryable_failed', losses: 1, loneLosses: 0 })
  expect(isSuspect({ losses: 1 })).toBe(false)
  expect(after({ losses: 1 }, exited)).toMatchObject({ state: 'retryable_failed', losses: 2, loneLosses: 0 })
  expect(isSuspect({ losses: 2 })).toBe(true)
})

test('SE-23 a run that puts on record what no run had before it is no suspect, whatever becomes of it', () => {
  const suspect = { losses: 3, loneLosses: 2, journal: 0, openEffects: 1 }
  const step: Command = { type: 'record_step', fence: 7, name: 's', ordinal: 0, value: '1', startedAt: now }
  expect(after(suspect, step)).toMatchObject({ losses: 0, loneLosses: 0 })
  const effect = { effectKey: 'k', name: 'e', target: 'keyed', state: 'intended', fence: 7 } as Effect
  const record = (outcome: Extract<Command, { type: 'record_effect' }>['outcome']): Partial<Execution> => {
    const command: Command = { type: 'record_effect', fence: 7, effectKey: 'k', outcome }
    return Object.assign({}, ...decided(suspect, command, [effect]).facts.map(({ set }) => set)) as Partial<Execution>
  }
  expect(record({ kind: 'applied', value: '1' })).toMatchObject({ losses: 0, loneLosses: 0 })
  // That can be told in every run anew.
  expect(record({ kind: 'not_applied', errorClass: 'E', error: 'no' })).not.toHaveProperty('losses')
  expect(after({ losses: 0, loneLosses: 0, journal: 0 }, step)).not.toHaveProperty('losses')
})

test('SE-23 after fifty thousand events no loss is spared: a handler may seem to get further for ever', () => {
  expect(after({ n: 50_000, fence: 90_000, attempt: 3, maxAttempts: 3 }, exited)).toMatchObject({
    state: 'retryable_failed',
  })
  expect(after({ n: 50_001, attempt: 3, maxAttempts: 3 }, exited)).toMatchObject({ state: 'failed' })
})

test('SE-23 a loss beside others gives its attempt back, the last one included', () => {
  const lost = after({ attempt: 3, maxAttempts: 3 }, exited)
  expect(lost).toMatchObject({ state: 'retryable_failed', attempt: 2, losses: 1 })
  expect(after({ attempt: 1, maxAttempts: 1 }, exited)).toMatchObject({ state: 'retryable_failed', attempt: 0 })
  expect(after({ attempt: 2, maxAttempts: 10 }, exited)).toMatchObject({ attempt: 1 })
  expect(decided({}, exited).facts.at(-1)?.data).toMatchObject({ refunded: true })
})

test('SE-23 a lone loss spends its attempt', () => {
  expect(after({ attempt: 1, losses: 1 }, crashed)).toMatchObject({ state: 'retryable_failed', attempt: 1 })
})

test('SE-23 with three attempts, poison that was first lost beside others ends as Poison at its third lone loss', () => {
  let execution: Partial<Execution> = { attempt: 0, maxAttempts: 3, losses: 0, loneLosses: 0 }
  const history = [exited, exited, exited, exited, exited].map((loss) => {
    const claimed: Partial<Execution> = { ...execution, state: 'running', attempt: (execution.attempt ?? 0) + 1 }
    execution = { ...claimed, ...after(claimed, loss) }
    return [execution.state, execution.attempt, execution.lastErrorClass]
  })
  expect(history).toEqual([
    ['retryable_failed', 0, 'WorkerLost'],
    ['retryable_failed', 0, 'WorkerLost'],
    ['retryable_failed', 1, 'WorkerLost'],
    ['retryable_failed', 2, 'WorkerLost'],
    ['failed', 3, 'Poison'],
  ])
})

test('SE-23 such losses do not go on for ever: from the fourth on in a row, the attempts count', () => {
  const loss: Command = { ...exited, isApart: true }
  expect(after({ attempt: 3, maxAttempts: 3, losses: 2 }, loss)).toMatchObject({ state: 'retryable_failed' })
  expect(after({ attempt: 3, maxAttempts: 3, losses: 3 }, loss)).toMatchObject({ state: 'failed', loneLosses: 0 })
  expect(after({ attempt: 2, maxAttempts: 3, losses: 3 }, loss)).toMatchObject({ attempt: 2 })
})

test('SE-23 a suspect that is lost with its worker ran alone there, unless it ran in a process of its own', () => {
  expect(after({ losses: 2 }, exited)).toMatchObject({ losses: 3, loneLosses: 1 })
  expect(after({ losses: 2 }, { ...exited, isApart: true })).toMatchObject({ losses: 3, loneLosses: 0 })
})

test('SE-23 three lone crashes quarantine it with the evidence, whatever attempts are left', () => {
  const { facts } = decided({ losses: 3, loneLosses: 2 }, crashed)
  expect(facts.map(({ type, to }) => [type, to])).toEqual([
    ['quarantined', 'running'],
    ['lease_expired', 'failed'],
  ])
  expect(facts[0]?.data).toMatchObject({ ...evidence, errorClass: 'Poison', loneLosses: 3 })
  expect(facts[1]?.set).toMatchObject({ state: 'failed', lastErrorClass: 'Poison', losses: 4, loneLosses: 3 })
})

test('SE-23 the number of lone crashes is a setting', () => {
  expect(after({ losses: 3, loneLosses: 2 }, { ...crashed, poisonLosses: 4 })).toMatchObject({
    state: 'retryable_failed',
    loneLosses: 3,
  })
})

test('SE-23 poison with an effect in doubt is reconciled before it ends', () => {
  const effect = { effectKey: 'k', name: 'e', target: 'keyed', reconcilable: true, state: 'intended' } as Effect
  const { facts } = decided({ losses: 3, loneLosses: 2 }, crashed, [effect])
  expect(facts.map(({ type }) => type)).toEqual(['effect_in_doubt', 'quarantined', 'lease_expired'])
  expect(facts.at(-1)?.set).toMatchObject({ state: 'retryable_failed', ending: 'failed' })
})

test('SE-25 cancel beats poison', () => {
  expect(after({ losses: 3, loneLosses: 2, cancelledAt: now, cancelledBy: 'human:a' }, crashed)).toMatchObject({
    state: 'canceled',
  })
})

test('SE-23 a run that ends by itself is no suspect any more; one that is handed back stays one', () => {
  const suspect = { losses: 2, loneLosses: 1 }
  expect(after(suspect, succeeded)).toMatchObject({ state: 'succeeded', losses: 0, loneLosses: 0 })
  expect(after(suspect, handedBack)).not.toHaveProperty('losses')
})

test('SE-23 redrive forgets the crashes', () => {
  const redrive: Command = { type: 'redrive', reason: 'fixed' }
  expect(after({ state: 'failed', losses: 4, loneLosses: 3 }, redrive)).toMatchObject({ losses: 0, loneLosses: 0 })
})

test('SE-23 only the holder of the lease may say that its process crashed', () => {
  const around = {
    now,
    principal: 'worker:w',
    effects: [],
    stepRecorded: false,
    fingerprint: null,
    isGone: () => false,
    ...noPlan,
  }
  expect(decide(running, { ...crashed, fence: 6 }, around)).toMatchObject({ code: 'lease_lost' })
})
