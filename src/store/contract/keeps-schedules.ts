import { expect, test } from 'vitest'
import type { Schedule } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

export function aSchedule(some: Partial<Schedule> = {}): Schedule {
  return {
    id: 's1',
    tenant: 'acme',
    name: 'nightly',
    action: 'quote.render',
    actionVersion: null,
    input: '{}',
    cron: '0 2 * * *',
    timeZone: 'Europe/Rome',
    misfire: 'latest',
    catchUpMax: 100,
    isPaused: false,
    nextAt: 20,
    lastAt: null,
    lastError: null,
    createdBy: 'human:alice',
    createdAt: 1,
    updatedAt: 1,
    version: 1,
    ...some,
  }
}

/** A schedule is known by tenant and name, and is found as due while it is not paused. */
export function keepsSchedules(harness: Harness): void {
  const save = (...schedules: readonly Schedule[]) => ({ schedules: { save: schedules, remove: [] } })

  test('a schedule is found by its tenant and name, and by nobody else', () =>
    Story.tell(harness, async (story) => {
      const other = aSchedule({ id: 's2', tenant: 'globex', actionVersion: 2, misfire: 'all' })
      await story.commit(save(aSchedule(), other))
      const views = await story.views()
      expect(await story.session.schedule('acme', 'nightly')).toEqual(aSchedule())
      expect(await views.schedule('globex', 'nightly')).toEqual(other)
      expect(await story.session.schedule('acme', 'weekly')).toBeNull()
      expect(await story.session.schedule('initech', 'nightly')).toBeNull()
    }))

  test('what a schedule runs is fixed; pausing and moving on change the rest', () =>
    Story.tell(harness, async (story) => {
      await story.commit(save(aSchedule()))
      const moved = { isPaused: true, nextAt: 40, lastAt: 20, lastError: 'no', updatedAt: 3, version: 2 }
      await story.commit(save(aSchedule({ ...moved, cron: '* * * * *', input: '1' })))
      expect(await story.session.schedule('acme', 'nightly')).toEqual(aSchedule(moved))
    }))

  test('one name, one schedule in a tenant; a removed one makes room in the same commit', () =>
    Story.tell(harness, async (story) => {
      const other = aSchedule({ id: 's3', name: 'weekly' })
      await story.commit(save(aSchedule(), other))
      await expect(story.commit(save(aSchedule({ id: 's2' })))).rejects.toThrow(/UNIQUE/i)
      await story.commit({ schedules: { save: [aSchedule({ id: 's2' })], remove: ['s1'] } })
      expect(await story.session.schedule('acme', 'nightly')).toEqual(aSchedule({ id: 's2' }))
      expect(await story.session.schedule('acme', 'weekly')).toEqual(other)
    }))

  test('due ones come oldest first, without paused and finished ones', () =>
    Story.tell(harness, async (story) => {
      const at = (id: string, nextAt: number | null, isPaused = false): Schedule =>
        aSchedule({ id, name: id, nextAt, isPaused })
      await story.commit(save(at('a', 30), at('b', 10), at('c', 20), at('d', 10, true), at('e', null)))
      const views = await story.views()
      expect((await views.dueSchedules(20, 10)).map(({ id }) => id)).toEqual(['b', 'c'])
      expect((await views.dueSchedules(20, 1)).map(({ id }) => id)).toEqual(['b'])
      expect(await views.dueSchedules(9, 10)).toEqual([])
    }))

  test('lists are by name, a page at a time, within the tenant', () =>
    Story.tell(harness, async (story) => {
      const named = (name: string, tenant = 'acme'): Schedule => aSchedule({ id: `${tenant} ${name}`, name, tenant })
      await story.commit(save(named('c'), named('a'), named('b'), named('a', 'globex')))
      const views = await story.views()
      expect((await views.schedules('acme', '', 2)).map(({ name }) => name)).toEqual(['a', 'b'])
      expect((await views.schedules('acme', 'b', 2)).map(({ name }) => name)).toEqual(['c'])
    }))
}
