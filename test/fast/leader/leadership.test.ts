import { afterEach, expect, test } from 'vitest'
import type { Order, Orders } from '../../../src/commit/order.ts'
import { createLeadership, type Leadership, leaderLeaseMs, takeOverMs } from '../../../src/leader/leadership.ts'
import { World } from '../worker/world.ts'

const leaseMs = leaderLeaseMs(30_000)
const idle = { kind: 'sweep' } as const

let world: World
const all: Leadership[] = []
afterEach(async () => {
  for (const each of all.splice(0)) await each.stop()
  await world?.close()
})

/** A process that takes its turn. It can be frozen: what it has under way, and its timers, wait until it wakes. */
class Process {
  readonly leadership: Leadership
  readonly name: string
  begun = 0
  ended = 0
  given: Orders | undefined
  #frozen: (() => void)[] | null = null

  constructor(name: string, { lease = leaseMs as number | null } = {}) {
    this.name = name
    const { clock } = world
    this.leadership = createLeadership({
      orders: { give: (order) => world.orders.give(order) },
      clock: {
        now: () => clock.now(),
        elapsed: () => clock.elapsed(),
        timer: (ms, fire) => this.#timer(ms, fire),
        sleep: (ms, signal) => clock.sleep(ms, signal),
      },
      holder: name,
      here: { host: 'here', pid: 7 },
      leaseMs: lease,
      begin: (orders) => {
        this.begun += 1
        this.given = orders
        return [{ stop: () => this.#end() }]
      },
      log: () => {},
    })
    all.push(this.leadership)
  }

  #end(): Promise<void> {
    this.ended += 1
    return Promise.resolve()
  }

  freeze(): void {
    this.#frozen = []
  }

  wake(): void {
    const missed = this.#frozen ?? []
    this.#frozen = null
    for (const fire of missed) fire()
  }

  #timer(ms: number, fire: () => void) {
    return world.clock.timer(ms, () => (this.#frozen === null ? fire() : this.#frozen.push(fire)))
  }
}

async function two(): Promise<readonly [Process, Process]> {
  world = await World.open()
  const first = new Process('first')
  const second = new Process('second')
  await first.leadership.start()
  await second.leadership.start()
  return [first, second]
}

test('CP-004a of several processes one leads, for as long as it renews', async () => {
  const [first, second] = await two()
  await world.clock.advance(20 * leaseMs)
  expect([first.leadership.epoch(), second.leadership.epoch()]).toEqual([1, null])
  expect([first.begun, first.ended, second.begun]).toEqual([1, 0, 0])
})

test('CP-004a a leader that died has a successor within its lease and one look, and never before its lease is over', async () => {
  const [first, second] = await two()
  await world.clock.advance(leaseMs * 3.1)
  first.freeze()
  const { until } = (await world.views.leaders(1))[0] ?? {}
  const leftMs = (until ?? 0) - world.clock.now()
  await world.clock.advance(leftMs - 1)
  expect(second.leadership.epoch()).toBeNull()
  await world.clock.advance(takeOverMs(leaseMs) - leftMs + 1)
  expect(second.leadership.epoch()).toBe(2)
  expect(second.begun).toBe(1)
})

test('CP-004a a leader that stops is followed within one look', async () => {
  const [first, second] = await two()
  await first.leadership.stop()
  expect(first.ended).toBe(1)
  await world.clock.advance(leaseMs / 5)
  expect(second.leadership.epoch()).toBe(2)
})

test('CP-004a a frozen leader that wakes is refused by the store, which keeps a record of it, and stands by', async () => {
  const [first, second] = await two()
  const stale = first.given
  first.freeze()
  await world.clock.advance(takeOverMs(leaseMs))
  expect(await stale?.give<'sweep'>(idle)).toMatchObject({
    code: 'leader_superseded',
    details: { epoch: 1, newest: 2 },
  })
  expect(first.leadership.epoch()).toBeNull()
  const [newest, before] = await world.views.leaders(9)
  expect(newest).toMatchObject({ epoch: 2, holder: 'second', refused: 0 })
  expect(before).toMatchObject({ epoch: 1, holder: 'first', refused: 1, refusedAt: world.clock.now() })
  expect(await second.given?.give<'sweep'>(idle)).toEqual({ recovered: [], more: false })
  // Its other duties are refused without another word to the store.
  expect(await stale?.give<'sweep'>(idle)).toMatchObject({ code: 'leader_superseded' })
  expect((await world.views.leaders(9))[1]).toMatchObject({ refused: 1 })
  first.wake()
  await world.clock.advance(10 * leaseMs)
  expect([first.leadership.epoch(), second.leadership.epoch()]).toEqual([null, 2])
  expect([first.begun, first.ended, second.begun]).toEqual([1, 1, 1])
})

test('CP-004a nothing of a refused duty is written, whatever it was', async () => {
  const [, second] = await two()
  await world.clock.advance(1)
  const limit = { kind: 'limit', tenant: 't', key: 'k', capacity: 3, by: 'human:a', reason: 'r' } as const
  const order: Order = { ...limit, duty: 7 }
  expect(await world.orders.give<'limit'>(order)).toMatchObject({ code: 'leader_superseded' })
  expect(await world.views.limits()).toEqual([])
  expect(await world.orders.give<'limit'>({ ...limit, duty: 1 })).toEqual({ changed: true })
  expect(second.leadership.epoch()).toBeNull()
})

test('CP-004a a duty of an epoch that its holder has given up is refused, too', async () => {
  world = await World.open()
  const only = new Process('only')
  await only.leadership.start()
  await only.leadership.stop()
  expect(await world.orders.give<'sweep'>({ ...idle, duty: 1 })).toMatchObject({ code: 'leader_superseded' })
  expect((await world.views.leaders(1))[0]).toMatchObject({ endedAt: world.clock.now(), refused: 1 })
})

test('CP-004a where nobody else can hold the store, whoever opens it leads at once and never asks again', async () => {
  world = await World.open()
  const first = new Process('first', { lease: null })
  await first.leadership.start()
  first.freeze()
  const second = new Process('second', { lease: null })
  await second.leadership.start()
  expect(second.leadership.epoch()).toBe(2)
  await world.clock.advance(1_000_000)
  expect(await world.views.leaders(9)).toMatchObject([
    { epoch: 2, until: null, since: world.clock.now() - 1_000_000 },
    { epoch: 1 },
  ])
})

test('CP-004a a leader that cannot renew in time ends its duties without a word from the store', async () => {
  world = await World.open()
  const real = world.orders
  const first = new Process('first')
  await first.leadership.start()
  Object.assign(world, { orders: { give: () => Promise.reject(new Error('the server is away')) } })
  await world.clock.advance(leaseMs * 0.7)
  expect(first.leadership.epoch()).toBe(1)
  await world.clock.advance(leaseMs * 0.4)
  expect([first.leadership.epoch(), first.ended]).toEqual([null, 1])
  Object.assign(world, { orders: real })
  await world.clock.advance(leaseMs)
  // Nobody has begun meanwhile: its epoch is the newest one yet.
  expect([first.leadership.epoch(), first.begun]).toEqual([1, 2])
})

test('CP-004a the lease of a leader is shorter than that of the work it sweeps', () => {
  for (const workLease of [3_000, 30_000, 300_000]) expect(takeOverMs(leaderLeaseMs(workLease))).toBeLessThan(workLease)
})
