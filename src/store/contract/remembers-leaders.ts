import { expect, test } from 'vitest'
import type { Leader } from '../fleet.ts'
import { aWorker } from './builders.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const aLeader = (epoch: number, some: Partial<Leader> = {}): Leader => ({
  epoch,
  holder: `process-${epoch}`,
  host: 'host',
  pid: 40 + epoch,
  since: 1_000 * epoch,
  until: 1_000 * epoch + 10,
  endedAt: null,
  refused: 0,
  refusedAt: null,
  ...some,
})

/** One epoch is one process's; and what people asked of a worker stays with it. */
export function remembersLeaders(harness: Harness): void {
  test('CP-004a the newest epoch is found, and each one by its number', () =>
    Story.tell(harness, async (story) => {
      expect(await story.session.leader('newest')).toBeNull()
      await story.commit({ leaders: { save: [aLeader(1), aLeader(2, { until: null })], remove: [] } })
      await story.commit({ leaders: { save: [aLeader(3)], remove: [] } })
      expect(await story.session.leader('newest')).toEqual(aLeader(3))
      expect(await story.session.leader(1)).toEqual(aLeader(1))
      expect(await story.session.leader(2)).toEqual(aLeader(2, { until: null }))
      expect(await story.session.leader(4)).toBeNull()
      const views = await story.views()
      expect(await views.leaders(2)).toEqual([aLeader(3), aLeader(2, { until: null })])
    }))

  test('CP-004a an epoch is renewed and ended by its own holder, and by nobody else', () =>
    Story.tell(harness, async (story) => {
      await story.commit({ leaders: { save: [aLeader(1), aLeader(2)], remove: [] } })
      const renewed = aLeader(1, { until: 9_000, endedAt: 8_000, refused: 2, refusedAt: 8_500 })
      await story.commit({ leaders: { save: [renewed], remove: [] } })
      await story.commit({ leaders: { save: [aLeader(2, { holder: 'another', until: 99_000 })], remove: [] } })
      expect(await story.session.leader(1)).toEqual(renewed)
      expect(await story.session.leader('newest')).toEqual(aLeader(2))
    }))

  test('CP-004a an old epoch is forgotten, and only that one', () =>
    Story.tell(harness, async (story) => {
      await story.commit({ leaders: { save: [aLeader(1), aLeader(2), aLeader(3)], remove: [] } })
      await story.commit({ leaders: { save: [], remove: [2] } })
      const views = await story.views()
      expect((await views.leaders(9)).map(({ epoch }) => epoch)).toEqual([3, 1])
    }))

  test('CP-004b a drain stays with its worker until it is changed', () =>
    Story.tell(harness, async (story) => {
      const drain = { at: 5, by: 'human:alice', reason: 'new kernel', until: null }
      await story.commit({ workers: [aWorker(1, { drain })] })
      expect(await story.session.workers([1])).toEqual([aWorker(1, { drain })])
      const second = aWorker(2, { role: 'all', drain: { ...drain, until: 9 } })
      await story.commit({ workers: [second, aWorker(1)] })
      expect(await story.session.workers('live')).toEqual([aWorker(1), second])
    }))
}
