import { expect, test } from 'vitest'
import type { Depth } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** How much waits in each queue of each tenant is kept as it is told. */
export function countsDepth(harness: Harness): void {
  const sorted = (rows: readonly Depth[]) =>
    [...rows].sort((a, b) => a.queue - b.queue || a.tenant.localeCompare(b.tenant))

  test('SE-27 the depth of a queue stands by tenant, changes, and goes when nothing waits', () =>
    Story.tell(harness, async (story) => {
      const depths = async () => sorted(await story.session.depths())
      expect(await depths()).toEqual([])
      const acme = { queue: 1, tenant: 'acme', count: 3 }
      const other = { queue: 1, tenant: 'other', count: 1 }
      const second = { queue: 2, tenant: 'acme', count: 7 }
      await story.commit({ depth: [second, other, acme] })
      expect(await depths()).toEqual([acme, other, second])
      await story.commit({ depth: [{ ...acme, count: 4 }] })
      expect(await depths()).toEqual([{ ...acme, count: 4 }, other, second])
      await story.commit({ depth: [{ ...acme, count: 0 }] })
      expect(await depths()).toEqual([other, second])
      await expect(story.commit({ depth: [{ ...other, count: -1 }] })).rejects.toThrow(/CHECK/i)
      expect(await depths()).toEqual([other, second])
    }))
}
