import { expect, test } from 'vitest'
import type { Claimed } from '../commit/order.ts'
import type { WorkerProtocol } from '../protocol/protocol.ts'
import { aQueued, aRequest } from '../store/contract/builders.ts'
import { VirtualClock } from '../time/clock.ts'
import type { Appetite, Carrier, Offer } from './carrier.ts'
import { NamedClaims } from './named-claims.ts'

const welcome = {
  worker: 1,
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  pollMs: 1_000,
  stallLimitMs: 60_000,
  cancelGraceMs: 30_000,
}
const hello = {
  identity: 'w',
  incarnation: 'w.1',
  host: 'h',
  pid: 1,
  startedTicks: null,
  bootId: null,
  actions: [{ action: 'crm.sync', version: 1 }],
  slots: 5,
}
type Ask = Parameters<WorkerProtocol['claim']>[0]

/** A store that holds what is due by name, and a carrier in the hands of the test. */
async function begin() {
  const clock = new VirtualClock()
  const due = new Set<string>()
  const asks: Ask[] = []
  const ended: string[] = []
  const store = { isBroken: false, missing: 0, slowMs: 0 }
  const claimed = (name: string): Claimed => {
    due.delete(name)
    const id = Number(name.slice(1))
    const execution = aQueued(id, { fence: 7 })
    const request = { ...aRequest(id), publicId: name }
    return { execution, request, steps: [], effects: [], signals: [], attemptMs: null }
  }
  const protocol: WorkerProtocol = {
    register: () => Promise.resolve(welcome),
    async claim(ask) {
      asks.push(ask)
      if (store.slowMs > 0) await clock.sleep(store.slowMs)
      if (store.isBroken) throw new Error('the store is away')
      const taken: Claimed[] = []
      for (const name of ask.only?.map(({ execution }) => execution) ?? due)
        if (due.has(name) && taken.length < ask.limit) taken.push(claimed(name))
      return taken
    },
    heartbeat: () => Promise.resolve({ lost: [], cancel: [] }),
    listen: () => Promise.resolve({ cancel: [], granted: [] }),
    drain: () => Promise.resolve(),
    work: () => Promise.resolve({ state: 'queued', n: 1, attempt: 1, availableAt: 0, cancelledAt: null }),
    gone: () => Promise.resolve(),
    spawn: () => Promise.resolve({ child: 'c' }),
    signOff: () => Promise.resolve(),
  }
  const claims = new NamedClaims({
    protocol,
    clock,
    missing: () => {
      store.missing += 1
    },
  })
  const pulled: Appetite[] = []
  const carrier: Carrier = {
    failed: new Promise(() => {}),
    send: () => Promise.resolve(),
    bury: () => Promise.resolve(),
    recall: () => Promise.resolve(),
    pull: (_queues, appetite) => pulled.push(appetite),
    probe: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const side = claims.protocol()
  claims.carry(carrier)
  await side.register(hello)
  const offer = (execution: string): Offer => ({
    hint: { execution, queue: 1, rank: 0, turn: 1 },
    done: (outcome) => ended.push(`${execution} ${outcome}`),
    giveBack: () => ended.push(`${execution} given back`),
  })
  const claim = (limit = 5): Promise<readonly Claimed[]> => side.claim({ worker: 1, limit, waitMs: 1_000 })
  // The first look into the store is behind it.
  const bring = (name: string, isDue = true): void => {
    if (isDue) due.add(name)
    claims.offer(offer(name))
  }
  const first = claim(1)
  await clock.advance(0)
  bring('x1')
  await first
  asks.length = 0
  return { clock, claims, side, claim, bring, due, asks, ended, store, pulled, carrier }
}

const namesOf = (claimed: readonly Claimed[]): string[] => claimed.map(({ request }) => request.publicId)

test('SE-50 a hint wakes a claim, which takes exactly what it names and ends what speaks of nothing', async () => {
  const { clock, claim, bring, asks, ended } = await begin()
  const waiting = claim()
  await clock.advance(10)
  bring('x2', false)
  expect(namesOf(await waiting)).toEqual([])
  bring('x3')
  bring('x3')
  bring('x4')
  expect(namesOf(await claim())).toEqual(['x3', 'x4'])
  expect(asks.at(-1)?.only?.map(({ execution }) => execution)).toEqual(['x3', 'x3', 'x4'])
  expect(ended).toEqual(['x2 nothing to do', 'x3 nothing to do'])
})

test('SE-50 a hint has served when its run is let go, or handed back, and not before', async () => {
  const { claims, claim, bring, side, ended } = await begin()
  bring('x2')
  bring('x3')
  await claim()
  const heart = claims.heart({
    ready: Promise.resolve(),
    hold: () => {},
    release: () => {},
    stop: () => Promise.resolve(),
  })
  heart.hold({ id: 2, fence: 7 })
  expect(ended).toEqual([])
  heart.release({ id: 2, fence: 6 })
  expect(ended).toEqual([])
  heart.release({ id: 2, fence: 7 })
  await side.work(1, 3, { type: 'hand_back', fence: 7 })
  expect(ended).toEqual(['x2 ran', 'x3 ran'])
})

test('SE-50 no more is fetched than there is room for; what came beyond goes back at once', async () => {
  const { clock, claims, claim, bring, ended } = await begin()
  const waiting = claim(1)
  await clock.advance(0)
  await claims.wanted()
  bring('x2')
  bring('x3')
  expect(namesOf(await waiting)).toEqual(['x2'])
  let isWanted = false
  void claims.wanted().then(() => {
    isWanted = true
  })
  await clock.advance(60)
  expect(ended).toEqual(['x3 given back'])
  expect(isWanted).toBe(false)
  const next = claim(1)
  await clock.advance(0)
  expect(isWanted).toBe(true)
  await clock.advance(1_000)
  await next
})

test('SE-50 once in the time of a poll the store is asked beside hints, and on at once while it has work without any', async () => {
  const { clock, claim, bring, due, asks, store } = await begin()
  for (const name of ['x2', 'x3', 'x4']) due.add(name)
  await clock.advance(1_000)
  expect(namesOf(await claim(1))).toEqual(['x2'])
  expect(namesOf(await claim(1))).toEqual(['x3'])
  expect(store.missing).toBe(2)
  expect(asks.every(({ only }) => only === undefined)).toBe(true)
  bring('x9')
  expect(namesOf(await claim(1))).toEqual(['x9'])
  bring('x10')
  expect(namesOf(await claim(1))).toEqual(['x10'])
  await clock.advance(1_000)
  bring('x11')
  expect(namesOf(await claim(1))).toEqual(['x4'])
})

test('SE-50 hints come while the store is asked, too, so that work without an end is not polled for ever', async () => {
  const { clock, claims, claim, bring, due, asks, store } = await begin()
  await clock.advance(1_000)
  store.slowMs = 10
  due.add('x2')
  const polled = claim(3)
  await clock.advance(5)
  await claims.wanted()
  bring('x3')
  await clock.advance(5)
  expect(namesOf(await polled)).toEqual(['x2', 'x3'])
  bring('x4')
  const named = claim(3)
  await clock.advance(10)
  expect(namesOf(await named)).toEqual(['x4'])
  expect(asks.map(({ only }) => only !== undefined)).toEqual([false, true])
})

test('SE-50 a store that takes longer than the time of a poll is asked by hints in between', async () => {
  const { clock, claim, bring, asks, store } = await begin()
  await clock.advance(1_000)
  store.slowMs = 1_500
  for (const _ of [1, 2]) {
    const waiting = claim(1)
    await clock.advance(1_500)
    bring('x2')
    await clock.advance(1_500)
    await waiting
  }
  expect(asks.map(({ only }) => only !== undefined)).toEqual([false, true, false, true])
})

test('SE-50 without a carrier a claim stands at the store, and one that waits for hints hears of it at once', async () => {
  const { clock, claims, claim, asks, carrier, pulled } = await begin()
  const waiting = claim()
  await clock.advance(10)
  claims.carry(null)
  expect(await waiting).toEqual([])
  asks.length = 0
  await claim()
  expect(asks).toEqual([{ worker: 1, limit: 5, waitMs: 1_000 }])
  expect(pulled.length).toBe(1)
  claims.carry(carrier)
  expect(pulled.length).toBe(2)
})

test('SE-50 a claim that fails gives its hints back', async () => {
  const { claim, bring, store, ended } = await begin()
  bring('x2')
  store.isBroken = true
  await expect(claim()).rejects.toThrow('the store is away')
  expect(ended).toEqual(['x2 given back'])
})
