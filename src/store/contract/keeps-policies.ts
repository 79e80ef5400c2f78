import { expect, test } from 'vitest'
import type { Policy } from '../../policy/policy.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const second: Policy = {
  id: 1,
  tenant: 'acme',
  version: 2,
  document: '{"flags":{"banner":"hello","live":true}}',
  hash: 'h2',
  kind: 'set',
  restored: null,
  by: 'human:root',
  reason: 'begin',
  at: 5,
  position: 7,
}
const third: Policy = { ...second, id: 2, version: 3, document: '{"flags":{"live":false}}', hash: 'h3', kind: 'flag' }
const foreign: Policy = { ...second, id: 3, tenant: 'globex', document: '{}', hash: 'g2' }
const fourth: Policy = { ...second, id: 4, version: 4, kind: 'rollback', restored: 2 }

/** Every version of a policy is kept, and none is ever altered. */
export function keepsPolicies(harness: Harness): void {
  test('SE-31 versions of a policy are kept as they were made, and found by tenant and number', () =>
    Story.tell(harness, async (story) => {
      expect(await story.session.policies({ newestBehind: 0 })).toEqual([])
      await story.commit({ policies: [second, third] })
      await story.commit({ policies: [foreign, fourth] })
      for (const reads of [story.session, await story.views()]) {
        expect(await reads.policies({ tenant: 'acme', version: 2 })).toEqual([second])
        expect(await reads.policies({ tenant: 'globex', version: 2 })).toEqual([foreign])
        expect(await reads.policies({ tenant: 'globex', version: 3 })).toEqual([])
        expect(await reads.policies({ tenant: 'acme', below: 99, limit: 2 })).toEqual([fourth, third])
        expect(await reads.policies({ tenant: 'acme', below: 3, limit: 9 })).toEqual([second])
        expect(await reads.policies({ tenant: 'globex', below: 99, limit: 9 })).toEqual([foreign])
      }
    }))

  test('SE-31 of each tenant the newest version is found, where it is behind a change', () =>
    Story.tell(harness, async (story) => {
      await story.commit({ policies: [second] })
      expect(await story.session.policies({ newestBehind: 0 })).toEqual([second])
      await story.commit({ policies: [third, foreign, fourth] })
      expect(await story.session.policies({ newestBehind: 0 })).toEqual([foreign, fourth])
      expect(await story.session.policies({ newestBehind: 3 })).toEqual([fourth])
      expect(await story.session.policies({ newestBehind: 4 })).toEqual([])
      const shown = await story.shell.rows('select tenant, name, value from flags order by tenant, name')
      expect(shown.map(({ tenant, name, value }) => [tenant, name, value])).toEqual([
        ['acme', 'banner', 'hello'],
        ['acme', 'live', 'true'],
      ])
    }))

  test('SE-31 a version is neither altered nor deleted, and no number is given twice', () =>
    Story.tell(harness, async (story) => {
      await story.commit({ policies: [second] })
      await expect(story.commit({ policies: [{ ...third, version: 2 }] })).rejects.toThrow(/UNIQUE/i)
      await expect(story.commit({ policies: [{ ...foreign, id: 1 }] })).rejects.toThrow(/UNIQUE/i)
      await expect(story.shell.run(`update policies set document = '{}'`)).rejects.toThrow(/append_only/)
      await expect(story.shell.run('delete from policies')).rejects.toThrow(/append_only/)
      expect(await story.session.policies({ newestBehind: 0 })).toEqual([second])
    }))

  test('REL-04 an event of a tenant is a row of the log like any other, and of no execution', () =>
    Story.tell(harness, async (story) => {
      const row = {
        position: 1,
        tenant: 'acme',
        type: 'policy_changed' as const,
        from: null,
        to: null,
        principal: 'human:root',
        worker: null,
        at: 5,
        executions: [],
        numbers: [],
        previous: [],
        data: [{ version: 2 }],
      }
      await story.commit({ log: [row] })
      const views = await story.views()
      expect(await views.log(0, 10)).toEqual([row])
      expect(await story.shell.rows('select * from execution_events')).toEqual([])
      const [admitted] = await story.admit({})
      expect(admitted?.head).toBe(2)
    }))
}
