import { expect, test } from 'vitest'
import type { PauseInterval, Release } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const interval = (some: Partial<PauseInterval> = {}): PauseInterval => ({
  scope: 'action',
  value: 'crm.sync',
  tenant: 'acme',
  fromAt: 10,
  toAt: null,
  ...some,
})
const open = (...all: PauseInterval[]) => ({ pauseIntervals: { open: all, close: [] } })
const close = (...all: PauseInterval[]) => ({ pauseIntervals: { open: [], close: all } })
const release = (some: Partial<Release> = {}): Release => ({
  key: 'pause:action:acme:crm.sync',
  id: 1,
  scope: 'action',
  value: 'crm.sync',
  tenant: 'acme',
  pacePerSecond: 100,
  since: 5,
  ...some,
})

/** What was paused, and from when to when; what a pause lets go, and how fast. */
export function keepsPausedTime(harness: Harness): void {
  test('SE-26 an interval is open until exactly its target is closed', () =>
    Story.tell(harness, async (story) => {
      expect(await story.session.pausedTime()).toEqual({ open: 0, until: 0 })
      const near = [interval({ tenant: null }), interval({ value: 'pdf.render' }), interval({ scope: 'subject' })]
      await story.commit(open(interval(), ...near))
      await story.commit(close(interval({ toAt: 30 })))
      expect(await story.session.pausedTime()).toEqual({ open: 3, until: 30 })
      expect(await story.session.pauseIntervals(29)).toEqual([interval({ toAt: 30 }), ...near])
      expect(await story.session.pauseIntervals(30)).toEqual(near)
    }))

  test('SE-26 what was paused twice has two intervals, and only the open one is closed', () =>
    Story.tell(harness, async (story) => {
      await story.commit(open(interval()))
      await story.commit({ pauseIntervals: { close: [interval({ toAt: 20 })], open: [interval({ fromAt: 25 })] } })
      await story.commit(close(interval({ toAt: 40 })))
      expect(await story.session.pauseIntervals(0)).toEqual([
        interval({ toAt: 20 }),
        interval({ fromAt: 25, toAt: 40 }),
      ])
      await story.commit(open(interval()))
      await expect(story.commit(open(interval()))).rejects.toThrow(/UNIQUE/i)
    }))

  test('SE-26 a release is kept by its key until it is over', () =>
    Story.tell(harness, async (story) => {
      const other = release({ key: 'pause:all:*:', id: 2, scope: 'all', value: '', tenant: null })
      const third = release({ key: 'pause:subject:acme:q', id: 4, scope: 'subject', value: 'q' })
      await story.commit({ releases: { save: [release(), other, third], remove: [] } })
      expect(await story.session.releases()).toEqual([release(), other, third])
      await story.commit({ releases: { save: [release({ id: 3, pacePerSecond: 7, since: 9 })], remove: [other.key] } })
      const left = [release({ id: 3, pacePerSecond: 7, since: 9 }), third]
      expect(await story.session.releases()).toEqual(left)
      expect(await (await story.views()).releases()).toEqual(left)
    }))
}
