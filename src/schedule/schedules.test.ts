import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isRefusal, orThrow, type Refusal } from '../errors/refusal.ts'
import { action, createPawl, type Pawl } from '../pawl.ts'
import { VirtualClock } from '../time/clock.ts'
import { fireDueSchedules } from './scheduler.ts'
import { type ScheduleRequest, Schedules } from './schedules.ts'

const report = action({
  name: 'demo.report',
  version: 1,
  input: z.strictObject({ of: z.string() }),
  run: () => null,
})
type Actions = readonly [typeof report]

const by = { principal: 'human:alice', tenant: 'default' }
const startAt = Date.UTC(2026, 0, 1)
const minute = 60_000
const hour = 60 * minute

/** A clock that people can set, forward and back. */
class SetClock extends VirtualClock {
  offsetMs = 0
  override now(): number {
    return super.now() + this.offsetMs
  }
}

let clock: SetClock
let pawl: Pawl<Actions>
const nightly: ScheduleRequest = { name: 'nightly', action: 'demo.report', input: { of: 'sales' }, cron: '0 * * * *' }

const create = (more: Partial<ScheduleRequest> = {}) => pawl.createSchedule({ ...nightly, ...more })
const codeOf = (answer: unknown): string | null => (isRefusal(answer) ? (answer as Refusal).code : null)
const dueLooks = () => {
  const { host, plane } = pawl.engine
  return fireDueSchedules({
    views: host.views,
    orders: host.orders,
    check: plane.check,
    policies: plane.policies,
    clock,
    log: () => {},
  })
}
/** Keys of what has fired, oldest first. */
const fired = async (): Promise<(string | null)[]> => {
  const { items } = await pawl.list({ limit: 500 })
  return items.map(({ idempotencyKey }) => idempotencyKey).reverse()
}
const keyAt = (time: string, name = 'nightly'): string => `schedule:${name}:2026-01-01T${time}Z`

beforeEach(async () => {
  clock = new SetClock(startAt)
  pawl = await createPawl({ store: 'sqlite::memory:', actions: [report] as const, slots: 0, clock })
})
afterEach(() => pawl.stop())

describe('a schedule', () => {
  test('fires at its times by itself, in its own name and with an event', async () => {
    await pawl.start()
    await create({ cron: '*/10 * * * * *' })
    // Every look, every submit and every advance passes through the writer: real turns of the loop, virtual seconds.
    for (let second = 0; second < 25; second += 1) {
      await clock.advance(1_000)
      await pawl.schedules()
    }
    expect(await fired()).toEqual([keyAt('00:00:10'), keyAt('00:00:20')])
    const [first] = (await pawl.list()).items
    const events = orThrow(await pawl.engine.plane.events(first?.id ?? '', 0, 10, by))
    expect(events.map(({ type, principal }) => [type, principal])).toEqual([
      ['enqueue', 'system:schedule:nightly'],
      ['schedule_fired', 'system:schedule:nightly'],
    ])
    expect(events[1]?.data).toEqual({ name: 'nightly', occurrence: '2026-01-01T00:00:20Z' })
    expect(await pawl.schedule('nightly')).toMatchObject({
      lastAt: '2026-01-01T00:00:20Z',
      nextAt: '2026-01-01T00:00:30Z',
      version: 1,
    })
  })

  test('REL-02a an occurrence is submitted twice, after a crash in between or by two schedulers, and runs once', async () => {
    await create()
    clock.offsetMs = hour
    const { host, plane } = pawl.engine
    const crashing = {
      ...host.orders,
      give: ((order) =>
        order.kind === 'schedule_advance'
          ? Promise.reject(new Error('crashed'))
          : host.orders.give(order)) as typeof host.orders.give,
    }
    const options = {
      views: host.views,
      orders: crashing,
      check: plane.check,
      policies: plane.policies,
      clock,
      log: () => {},
    }
    await expect(fireDueSchedules(options)).rejects.toThrow('crashed')
    expect((await pawl.schedule('nightly')).lastAt).toBeNull()
    await Promise.all([dueLooks(), dueLooks()])
    expect(await fired()).toEqual([keyAt('01:00:00')])
    expect((await pawl.schedule('nightly')).nextAt).toBe('2026-01-01T02:00:00Z')
  })

  test.each([
    ['skip', [keyAt('05:00:00')]],
    ['latest', [keyAt('05:00:00')]],
    ['all', [keyAt('03:00:00'), keyAt('04:00:00'), keyAt('05:00:00')]],
  ] as const)('with %s, what came on time fires beside what the clock has passed over', async (misfire, expected) => {
    await create({ misfire, catchUpMax: 2 })
    clock.offsetMs = 5 * hour + 30_000
    await dueLooks()
    expect(await fired()).toEqual(expected)
    expect(await dueLooks()).toBe(0)
  })

  test.each([
    ['skip', []],
    ['latest', [keyAt('05:00:00')]],
    ['all', [keyAt('04:00:00'), keyAt('05:00:00')]],
  ] as const)('with %s, what was missed by more than a minute is treated so', async (misfire, expected) => {
    await create({ misfire, catchUpMax: 2 })
    clock.offsetMs = 5 * hour + 2 * minute
    await dueLooks()
    expect(await fired()).toEqual(expected)
    expect((await pawl.schedule('nightly')).nextAt).toBe('2026-01-01T06:00:00Z')
  })

  test('a clock that is set back fires nothing twice, and nothing before its time', async () => {
    await create()
    clock.offsetMs = 2 * hour
    await dueLooks()
    clock.offsetMs = 0
    await dueLooks()
    clock.offsetMs = 2 * hour + 1_000
    await dueLooks()
    expect(await fired()).toEqual([keyAt('02:00:00')])
  })

  test('only what still stands as it was read is moved on', async () => {
    await create()
    const { host } = pawl.engine
    const { id } = (await host.views.schedule('default', 'nightly')) ?? { id: '' }
    const from = startAt + hour
    const advance = async (of: string, at: number) => {
      const order = { id: of, tenant: 'default', name: 'nightly', from: at, to: at + hour, lastAt: at, lastError: null }
      return orThrow(await host.orders.give<'schedule_advance'>({ kind: 'schedule_advance', ...order })).advanced
    }
    expect(await advance('another', from)).toBe(false)
    expect(await advance(id, from - hour)).toBe(false)
    expect(await advance(id, from)).toBe(true)
    expect(await advance(id, from)).toBe(false)
    await pawl.pauseSchedule('nightly')
    expect(await advance(id, from + hour)).toBe(false)
    await pawl.deleteSchedule('nightly')
    expect(await advance(id, from + hour)).toBe(false)
  })

  test('a pause of the engine does not keep occurrences from being admitted', async () => {
    await pawl.pause({}, 'incident')
    await create()
    clock.offsetMs = hour
    expect(await dueLooks()).toBe(1)
  })

  test('while it is paused nothing fires, and afterwards it goes on with the next occurrence', async () => {
    await create()
    expect(await pawl.pauseSchedule('nightly')).toMatchObject({ paused: true, version: 2 })
    clock.offsetMs = 2 * hour + minute
    expect(await dueLooks()).toBe(0)
    expect(await pawl.unpauseSchedule('nightly')).toMatchObject({ paused: false, nextAt: '2026-01-01T03:00:00Z' })
    expect(await dueLooks()).toBe(0)
    expect(await pawl.unpauseSchedule('nightly')).toMatchObject({ nextAt: '2026-01-01T03:00:00Z' })
  })

  test('an occurrence that cannot be submitted any more is told and passed over', async () => {
    await create()
    clock.offsetMs = hour
    await pawl.submit({ action: 'demo.report', input: { of: 'other' }, key: keyAt('01:00:00') })
    await dueLooks()
    const { lastError, nextAt } = await pawl.schedule('nightly')
    expect(lastError).toContain('idempotency_key_reused')
    expect(nextAt).toBe('2026-01-01T02:00:00Z')
  })

  test('an occurrence that the store could not take is tried again', async () => {
    await create()
    clock.offsetMs = hour
    const { host, plane } = pawl.engine
    const full = { give: async () => ({ refused: true, code: 'queue_full', reason: 'full', next: '' }) as never }
    const options = {
      views: host.views,
      orders: full,
      check: plane.check,
      policies: plane.policies,
      clock,
      log: () => {},
    }
    expect(await fireDueSchedules(options)).toBe(0)
    expect((await pawl.schedule('nightly')).nextAt).toBe('2026-01-01T01:00:00Z')
    expect(await dueLooks()).toBe(1)
  })

  test('is triggered beside its occurrences, and stands in nobody else’s tenant', async () => {
    await create()
    const triggered = await pawl.triggerSchedule('nightly', 'once')
    expect(triggered).toMatchObject({ action: 'demo.report', idempotencyKey: 'once', requestedBy: 'service:embedded' })
    expect((await pawl.triggerSchedule('nightly', 'once')).id).toBe(triggered.id)
    const stranger = { principal: 'human:bob', tenant: 'globex' }
    expect(codeOf(await pawl.engine.plane.schedules.get('nightly', stranger))).toBe('not_found')
    expect((await pawl.as(stranger).schedules()).items).toEqual([])
    await pawl.deleteSchedule('nightly')
    expect(codeOf(await pawl.engine.plane.schedules.delete('nightly', by))).toBe('not_found')
    clock.offsetMs = hour
    expect(await dueLooks()).toBe(0)
  })
})

describe('a backfill', () => {
  const range = { from: '2026-01-01T01:00:00Z', to: '2026-01-01T04:00:00Z' }

  test('submits each occurrence of the range once, whatever has fired before', async () => {
    await create()
    clock.offsetMs = 4 * hour + 10 * minute
    await dueLooks()
    const dry = await pawl.backfillSchedule('nightly', { ...range, dryRun: true })
    expect(dry).toMatchObject({ occurrences: 4, dryRun: true, submitted: 0, known: 0 })
    expect(await fired()).toEqual([keyAt('04:00:00')])
    expect(await pawl.backfillSchedule('nightly', range)).toMatchObject({ submitted: 3, known: 1, refused: 0 })
    expect(await pawl.backfillSchedule('nightly', range)).toMatchObject({ submitted: 0, known: 4 })
    expect((await fired()).sort()).toEqual(['01', '02', '03', '04'].map((at) => keyAt(`${at}:00:00`)))
  })

  test('is refused into the future, and without order', async () => {
    await create({ cron: '*/10 * * * * *' })
    const asked = async (from: string, to: string): Promise<string | null> =>
      codeOf(await pawl.engine.plane.schedules.backfill('nightly', { from, to, dryRun: true }, by))
    expect(await asked('2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z')).toBe('invalid_input')
    expect(await asked('2025-01-02T00:00:00Z', '2025-01-01T00:00:00Z')).toBe('invalid_input')
    expect(await asked('yesterday', '2025-01-01T00:00:00Z')).toBe('invalid_input')
  })
})

test('a backfill of more occurrences than the limit is refused, one of just as many is not', async () => {
  await create()
  const { host, plane } = pawl.engine
  const { orders, views } = host
  const schedules = new Schedules({
    orders,
    views,
    check: plane.check,
    policies: plane.policies,
    clock,
    newId: () => 'x',
    backfillMax: 200,
  })
  const of = (hours: number) => ({ from: new Date(startAt - (hours - 1) * hour).toISOString(), dryRun: true })
  const to = new Date(startAt).toISOString()
  expect(await schedules.backfill('nightly', { ...of(200), to }, by)).toMatchObject({ occurrences: 200 })
  expect(codeOf(await schedules.backfill('nightly', { ...of(201), to }, by))).toBe('too_many_occurrences')
})

describe('what cannot be a schedule', () => {
  test.each<[string, Partial<ScheduleRequest>]>([
    ['unknown_action', { action: 'demo.nothing' }],
    ['unknown_action', { version: 7 }],
    ['invalid_input', { input: { of: 5 } }],
    ['invalid_input', { name: 'two words' }],
    ['invalid_input', { name: 'n'.repeat(101) }],
    ['invalid_input', { catchUpMax: 0 }],
    ['invalid_cron', { cron: 'whenever' }],
    ['unknown_time_zone', { timeZone: 'Mars/Base' }],
  ])('is refused as %s: %j', async (code, more) => {
    expect(codeOf(await pawl.engine.plane.schedules.create({ ...nightly, ...more }, by))).toBe(code)
  })

  test('a second one of the same name is refused, in one commit as well', async () => {
    const answers = await Promise.all([1, 2].map(() => pawl.engine.plane.schedules.create(nightly, by)))
    expect(answers.map(codeOf)).toEqual([null, 'schedule_exists'])
  })

  test('a change over somebody else’s is refused', async () => {
    await create()
    const answers = await Promise.all([
      pawl.engine.plane.schedules.pause('nightly', by),
      pawl.engine.plane.schedules.delete('nightly', by),
    ])
    expect(answers.map(codeOf)).toEqual([null, 'state_changed'])
  })
})
