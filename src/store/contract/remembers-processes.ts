import { expect, test } from 'vitest'
import type { FleetProcess } from '../fleet.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const aProcess = (id: string, some: Partial<FleetProcess> = {}): FleetProcess => ({
  id,
  role: 'api',
  name: `api@${id}`,
  host: 'host',
  pid: 41,
  startedTicks: '77',
  bootId: 'boot',
  version: '0.1.0',
  schema: 30,
  startedAt: 1_000,
  seenAt: 2_000,
  endedAt: null,
  proof: null,
  ...some,
})

/** Who holds the store is told to people, and to nothing that gives work away. */
export function remembersProcesses(harness: Harness): void {
  const all = async (story: Story) => (await story.views()).processes()

  test('processes of every role are kept as they are, the longest there first, and are no workers', () =>
    Story.tell(harness, async (story) => {
      const workers = await story.session.workers('live')
      expect(await all(story)).toEqual([])
      const late = aProcess('a', { role: 'leader', startedAt: 1_500 })
      const bare = aProcess('c', { role: 'all', startedTicks: null, bootId: null })
      const dead = aProcess('b', { role: 'worker', endedAt: 3_000, proof: 'there is no process 41' })
      await story.commit({ processes: { save: [late, bare, dead], before: [] } })
      expect(await all(story)).toEqual([dead, bare, late])
      expect(await story.session.workers('live')).toEqual(workers)
    }))

  test('its next word changes when a process was seen and how it ended, and nothing that it is', () =>
    Story.tell(harness, async (story) => {
      const [first, other] = [aProcess('a'), aProcess('b')]
      await story.commit({ processes: { save: [first, other], before: [] } })
      const said = { seenAt: 9_000, endedAt: 9_500, proof: 'its machine was started anew' }
      const changed = { role: 'all', name: 'x', host: 'x', pid: 1, version: 'x', schema: 1, startedAt: 1 } as const
      await story.commit({ processes: { save: [{ ...first, ...changed, ...said }], before: [] } })
      expect(await all(story)).toEqual([{ ...first, ...said }, other])
      await story.commit({ processes: { save: [{ ...first, seenAt: 9_900 }], before: [] } })
      expect(await all(story)).toEqual([{ ...first, seenAt: 9_900 }, other])
    }))

  test('who was not heard of since a time is forgotten, and nobody else', () =>
    Story.tell(harness, async (story) => {
      const [old, heard] = [aProcess('a', { seenAt: 2_999 }), aProcess('b', { seenAt: 3_000 })]
      await story.commit({ processes: { save: [old, heard], before: [] } })
      await story.commit({ processes: { save: [aProcess('c')], before: [3_000] } })
      expect(await all(story)).toEqual([heard, aProcess('c')])
      await story.commit({ processes: { save: [old], before: [] } })
      expect(await all(story)).toEqual([old, heard, aProcess('c')])
    }))
}
