import { expect, test } from 'vitest'
import { type UndecodableRow, UndecodableRows } from '../quarantine.ts'
import type { Timer } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const row = (some: Partial<UndecodableRow> = {}): UndecodableRow => ({
  place: 'requests',
  row: '7',
  execution: 7,
  tenant: 'acme',
  reason: 'no name has the code 99',
  ...some,
})
const add = (at: number, ...rows: UndecodableRow[]) => ({
  quarantine: { add: rows.map((one) => ({ ...one, at })), remove: [] },
})

/** Rows that nobody could read are kept in sight until somebody lets them go. */
export function keepsQuarantine(harness: Harness): void {
  test('SE-23 a row is set aside once, as it was found first, and let go by its key', () =>
    Story.tell(harness, async (story) => {
      const other = row({ row: '8', execution: 8 })
      const elsewhere = row({ place: 'workers', execution: null, tenant: null })
      await story.commit(add(5, row(), other, elsewhere))
      await story.commit(add(6, row({ reason: 'another' })))
      const stored = await story.session.quarantine()
      const keys = stored.map(({ key }) => key)
      expect(new Set(keys).size).toBe(3)
      expect(stored).toEqual([row(), other, elsewhere].map((one, place) => ({ ...one, key: keys[place], at: 5 })))
      expect(await (await story.views()).quarantine()).toEqual(stored)
      await story.commit({ quarantine: { add: [], remove: [stored[1]?.key ?? 0] } })
      expect(await story.session.quarantine()).toEqual([stored[0], stored[2]])
    }))

  test('SE-23 a timer that is set aside does not ring any more, and no other is lost', () =>
    Story.tell(harness, async (story) => {
      const timer: Timer = { at: 10, kind: 'available', id: 7 }
      const near: Timer[] = [
        { ...timer, at: 11 },
        { ...timer, kind: 'deadline' },
        { ...timer, id: 8 },
      ]
      await story.commit({ timers: { add: [timer, ...near], remove: [] } })
      await story.commit(add(5, row({ place: 'timers', row: '10 1 7' })))
      expect(new Set(await story.session.dueTimers(20, 10))).toEqual(new Set(near))
      await story.commit(add(5, row({ place: 'workers', row: '11 1 7' })))
      expect(await story.session.dueTimers(20, 10)).toHaveLength(3)
    }))

  test('SE-23 a row that cannot be read is named with its execution and the tenant of that', () =>
    Story.tell(harness, async (story) => {
      const of = (tenant: string) => ({ request: { tenant }, execution: { tenant } })
      await story.admit(of('umbrella'), of('acme'))
      await story.shell.run('insert into timers (at, kind, id) values (5, 99, 2)')
      const asked = (async () => await story.session.dueTimers(20, 10))()
      await expect(asked).rejects.toBeInstanceOf(UndecodableRows)
      const named = { place: 'timers', row: '5 99 2', execution: 2, tenant: 'acme' }
      await expect(asked).rejects.toMatchObject({ rows: [named] })
    }))
}
