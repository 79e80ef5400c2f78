import { expect, test } from 'vitest'
import type { RightsChange } from '../../rights/change.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const grant: RightsChange = {
  version: 1,
  tenant: 'acme',
  kind: 'grant',
  principal: 'human:alice',
  role: 'operator',
  actions: 'quote.* crm.sync',
  subjects: 'quote:*',
  levelMax: 2,
  permissions: null,
  ref: null,
  expiresAt: null,
  by: 'human:root',
  reason: 'sells quotes',
  at: 5,
}
const role: RightsChange = {
  ...grant,
  version: 2,
  kind: 'role',
  principal: null,
  role: 'seller',
  actions: null,
  subjects: null,
  levelMax: null,
  permissions: 'execution.submit execution.cancel:own',
}
const token: RightsChange = {
  ...role,
  version: 3,
  kind: 'token',
  principal: 'human:bob',
  permissions: null,
  ref: 'T1',
  expiresAt: 9,
}

/** Every change of a right is kept, and none is ever altered. */
export function keepsRights(harness: Harness): void {
  test('SE-32 changes of rights are kept as they were made, and those behind a version are found in their order', () =>
    Story.tell(harness, async (story) => {
      expect(await story.session.rights(0)).toEqual([])
      await story.commit({ rights: [grant, role] })
      await story.commit({ rights: [token] })
      expect(await story.session.rights(0)).toEqual([grant, role, token])
      expect(await story.session.rights(1)).toEqual([role, token])
      expect(await story.session.rights(3)).toEqual([])
      const views = await story.views()
      expect(await views.rights(0)).toEqual([grant, role, token])
      expect(await views.rights(2)).toEqual([token])
    }))

  test('SE-32 a change of a right is neither altered nor deleted, and no version is given twice', () =>
    Story.tell(harness, async (story) => {
      await story.commit({ rights: [grant] })
      await expect(story.commit({ rights: [{ ...role, version: 1 }] })).rejects.toThrow(/UNIQUE/i)
      await expect(story.shell.run(`update rights set role = 'admin'`)).rejects.toThrow(/append_only/)
      await expect(story.shell.run('delete from rights')).rejects.toThrow(/append_only/)
      expect(await story.session.rights(0)).toEqual([grant])
    }))
}
