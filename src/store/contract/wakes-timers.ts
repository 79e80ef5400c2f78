import { expect, test } from 'vitest'
import type { Pause, Timer } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** Timers come when they are due, oldest first; pauses are kept as they are set. */
export function wakesTimers(harness: Harness): void {
  const timer = (at: number, kind: Timer['kind'], id: number): Timer => ({ at, kind, id })

  test('due timers come oldest first, and the next one is known', () =>
    Story.tell(harness, async (story) => {
      expect(await story.session.nextTimerAt()).toBeNull()
      const add = [timer(30, 'wake', 1), timer(10, 'deadline', 2), timer(20, 'available', 3), timer(10, 'available', 4)]
      await story.commit({ timers: { add: [...add, timer(10, 'deadline', 2)], remove: [] } })
      expect(await story.session.nextTimerAt()).toBe(10)
      expect(await story.session.dueTimers(20, 10)).toEqual([add[3], add[1], add[2]])
      expect(await story.session.dueTimers(20, 1)).toEqual([add[3]])
      expect(await story.session.dueTimers(9, 10)).toEqual([])
    }))

  test('exactly the named timer is removed, and removals come before additions', () =>
    Story.tell(harness, async (story) => {
      const entry = timer(10, 'wake', 1)
      const near = [timer(11, 'wake', 1), timer(10, 'deadline', 1), timer(10, 'wake', 2)]
      await story.commit({ timers: { add: [entry, ...near], remove: [] } })
      await story.commit({ timers: { add: [], remove: [entry] } })
      expect(await story.session.dueTimers(99, 10)).toEqual([near[2], near[1], near[0]])
      await story.commit({ timers: { add: [entry], remove: [entry] } })
      expect(await story.session.dueTimers(99, 10)).toContainEqual(entry)
    }))

  test('a pause stands for its scope, value and tenant until it is lifted', () =>
    Story.tell(harness, async (story) => {
      const pause = (some: Partial<Pause>): Pause => ({
        scope: 'action',
        value: 'crm.sync',
        tenant: null,
        reason: 'incident',
        by: 'human:alice',
        at: 5,
        ...some,
      })
      const all = [
        pause({}),
        pause({ tenant: 'acme' }),
        pause({ value: 'quote.render' }),
        pause({ scope: 'subject' }),
        pause({ scope: 'all', value: '' }),
      ]
      await story.commit({ pauses: { add: all, remove: [] } })
      expect(inOrder(await story.session.pauses())).toEqual(inOrder(all))
      await story.commit({ pauses: { add: [pause({ reason: 'again', by: 'human:bob', at: 6 })], remove: [] } })
      expect(await story.session.pauses()).toContainEqual(pause({ reason: 'again', by: 'human:bob', at: 6 }))
      expect(await story.session.pauses()).toHaveLength(all.length)
      await story.commit({ pauses: { add: [], remove: [pause({})] } })
      expect(inOrder(await (await story.views()).pauses())).toEqual(inOrder(all.slice(1)))
      await story.commit({ pauses: { add: [], remove: [pause({ tenant: 'acme' })] } })
      expect(inOrder(await story.session.pauses())).toEqual(inOrder(all.slice(2)))
    }))

  test('queues are known by key, once for each action and version', () =>
    Story.tell(harness, async (story) => {
      const queues = [
        { key: 1, action: 'quote.render', version: 1 },
        { key: 2, action: 'crm.sync', version: 3 },
      ]
      expect(await story.session.queues()).toEqual(queues)
      expect(await (await story.views()).queues()).toEqual(queues)
      await expect(story.commit({ queues: [{ key: 3, action: 'crm.sync', version: 3 }] })).rejects.toThrow(/UNIQUE/i)
    }))
}

/** A store may give them in any order. */
const inOrder = (pauses: readonly Pause[]): readonly string[] =>
  pauses.map((pause) => JSON.stringify(pause, keys)).sort()
const keys = ['scope', 'value', 'tenant', 'reason', 'by', 'at']
