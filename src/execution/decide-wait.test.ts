import { expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import { childrenMax, depthMax, refuseChild } from './decide-child.ts'
import { decideProcessGone, decideSignal, decideSuspend, unreadMax } from './decide-wait.ts'
import type { Decision, Surroundings } from './decision.ts'
import { type Effect, type Execution, neverAt, type SignalHead } from './execution.ts'

const now = 1_000_000
const running = {
  id: 1,
  tenant: 'default',
  state: 'running',
  fence: 7,
  journal: 0,
  cancelledAt: null,
  ending: null,
  reconciles: 0,
  waitingFor: null,
  waitingOn: null,
  losses: 0,
} as unknown as Execution
const waiting: Execution = { ...running, state: 'waiting', waitingFor: 'signal', waitingOn: 'go child:x' }
const around = (over: Partial<Surroundings> = {}): Surroundings => ({
  now,
  principal: 'human:op',
  effects: [],
  stepRecorded: false,
  fingerprint: null,
  isGone: () => false,
  request: null,
  plan: null,
  targets: new Map(),
  ...over,
})
const head = (name: string, seq: number, over: Partial<SignalHead> = {}): SignalHead => ({
  execution: 1,
  name,
  seq,
  dedupe: null,
  isTaken: false,
  ...over,
})
const decided = (answer: ReturnType<typeof decideSignal>): Decision => {
  if (isRefusal(answer)) throw new Error(answer.reason)
  return answer
}
const types = (answer: ReturnType<typeof decideSignal>) => decided(answer).facts.map(({ type }) => type)
const send = (name: string, dedupe: string | null = null) => ({ type: 'signal', name, payload: '1', dedupe }) as const
const suspend = (wakeAt: number | null, ...awaits: { name: string; seq: number }[]) =>
  ({ type: 'suspend', fence: 7, reason: 'signal', wakeAt, awaits }) as const

test('SE-22 a suspension waits for what is not there, and goes back to the queue for what is', () => {
  const fresh = decideSuspend(running, suspend(null, { name: 'go', seq: 1 }), around({ signals: [head('go', 0)] }))
  expect(decided(fresh).facts.at(-1)).toMatchObject({
    type: 'suspend',
    set: { waitingFor: 'signal', waitingOn: 'go', availableAt: neverAt },
  })
  const there = decideSuspend(running, suspend(null, { name: 'go', seq: 1 }), around({ signals: [head('go', 1)] }))
  expect(types(there)).toEqual(['hand_back'])
  const timed = decideSuspend(running, suspend(now + 5, { name: 'go', seq: 0 }), around())
  expect(decided(timed).facts.at(-1)?.set.availableAt).toBe(now + 5)
})

test('SE-25 a cancel that was asked for beats a suspension, whether its signal is there or not', () => {
  const asked = { ...running, cancelledAt: now - 1, cancelledBy: 'human:op' }
  for (const signals of [[], [head('go', 0)]]) {
    expect(types(decideSuspend(asked, suspend(null, { name: 'go', seq: 0 }), around({ signals })))).toEqual(['cancel'])
  }
})

test('a signal is numbered by its name and wakes who waits for it, and nobody else', () => {
  const signals = [head('go', 0), head('go', 1), head('other', 0)]
  const woken = decided(decideSignal(waiting, send('go'), around({ signals })))
  expect(woken.facts.map(({ type }) => type)).toEqual(['signal_received', 'wake'])
  expect(woken.signal).toMatchObject({ name: 'go', seq: 2, by: 'human:op', at: now })
  expect(types(decideSignal(waiting, send('other'), around({ signals })))).toEqual(['signal_received'])
  expect(types(decideSignal(running, send('go'), around()))).toEqual(['signal_received'])
})

test('a repeated signal is one, also where the limit is reached; the end of a child is told beyond it', () => {
  const full = Array.from({ length: unreadMax }, (_, seq) => head('x', seq, { dedupe: seq === 0 ? 'd' : null }))
  const refused = decideSignal(waiting, send('x'), around({ signals: full }))
  expect(isRefusal(refused) && refused.code).toBe('signals_full')
  expect(types(decideSignal(waiting, send('x', 'd'), around({ signals: full })))).toEqual([])
  expect(types(decideSignal(waiting, send('child:x'), around({ signals: full })))).toEqual(['signal_received', 'wake'])
  const read = full.map((each) => ({ ...each, isTaken: true }))
  expect(types(decideSignal(waiting, send('x'), around({ signals: read })))).toEqual(['signal_received'])
})

test('the proof of a death wakes who waits for a person, where a look can settle all of the doubt', () => {
  const doubtful = { ...running, state: 'waiting', waitingFor: 'outcome' } as const
  const effect = { state: 'in_doubt', target: 'opaque', reconcilable: true, worker: 3 } as Effect
  const isGone = (worker: number): boolean => worker === 3
  const wakes = (effects: Effect[], execution: Execution = doubtful) =>
    types(decideProcessGone(execution, around({ effects, isGone }))).includes('wake')
  expect(wakes([effect])).toBe(true)
  expect(wakes([effect, { ...effect, worker: 4 }])).toBe(false)
  expect(wakes([effect, { ...effect, reconcilable: false }])).toBe(false)
  expect(wakes([])).toBe(false)
  expect(wakes([effect], { ...doubtful, waitingFor: 'timer' })).toBe(false)
})

test('no child is born to a parent that has ended, is to be cancelled, has too many ancestors or children', () => {
  const code = (parent: Execution, ancestors = 1, children = 0) => refuseChild(parent, ancestors, children)?.code
  expect(code(running)).toBeUndefined()
  expect(code(running, depthMax, childrenMax - 1)).toBeUndefined()
  expect(code({ ...running, state: 'succeeded' })).toBe('parent_ended')
  expect(code({ ...running, cancelledAt: now })).toBe('cancel_requested')
  expect(code({ ...running, ending: 'expired' })).toBe('reconcile_only')
  expect(code(running, depthMax + 1)).toBe('child_too_deep')
  expect(code(running, 1, childrenMax)).toBe('too_many_children')
})
