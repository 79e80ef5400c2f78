import { expect, test } from 'vitest'
import type { SignIn, Token } from '../sign-in.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const token: Token = {
  id: 'T1',
  hash: 'h1',
  name: 'ci',
  principal: 'service:ci',
  tenant: 'acme',
  role: 'operator',
  scope: { permissions: ['execution.get'], actions: ['quote.render'] },
  createdAt: 1,
  expiresAt: 9,
  lastUsedAt: null,
  revokedAt: null,
  rotatedAt: null,
  oldHash: null,
  oldUntil: null,
}
const session: SignIn = {
  hash: 's1',
  kind: 'session',
  token: 'T1',
  tenant: 'acme',
  principal: 'human:ada',
  begunAt: 3,
  usedAt: 4,
  expiresAt: 50,
}

/** Who may come in is kept as it was set, and found by what they hold. */
export function keepsSignIns(harness: Harness): void {
  test('SE-32 tokens are kept by their hash; they are used, given a new secret and revoked, and never become more', () =>
    Story.tell(harness, async (story) => {
      const other = { ...token, id: 'T2', hash: 'h2', createdAt: 0, scope: null }
      await story.commit({ tokens: [token, other] })
      const changed = {
        hash: 'h3',
        expiresAt: null,
        lastUsedAt: 5,
        revokedAt: 6,
        rotatedAt: 7,
        oldHash: 'h1',
        oldUntil: 8,
      }
      await story.commit({
        tokens: [{ ...token, ...changed, role: 'admin', tenant: 'x', principal: 'y', scope: null }],
      })
      const views = await story.views()
      expect(await views.tokens()).toEqual([other, { ...token, ...changed }])
      expect(await views.token('T1')).toEqual({ ...token, ...changed })
      expect(await story.session.token('T2')).toEqual(other)
      expect([await views.token('T3'), await story.session.token('T3')]).toEqual([null, null])
      await expect(story.commit({ tokens: [{ ...token, id: 'T3', hash: 'h2' }] })).rejects.toThrow(/UNIQUE/i)
    }))

  test('SE-32 links and sessions are found by their hash, used, and ended one by one', () =>
    Story.tell(harness, async (story) => {
      const link: SignIn = { ...session, hash: 'l1', kind: 'link' }
      await story.commit({ signIns: { save: [session, link], remove: [] } })
      await story.commit({
        signIns: { save: [{ ...session, usedAt: 9, expiresAt: 99, principal: 'x' }], remove: ['l1'] },
      })
      const views = await story.views()
      expect(await views.signIn('s1')).toEqual({ ...session, usedAt: 9 })
      expect(await story.session.signIn('s1')).toEqual({ ...session, usedAt: 9 })
      expect([await views.signIn('l1'), await story.session.signIn('l1')]).toEqual([null, null])
    }))

  test('SE-32 sessions of one principal of one tenant are known, and those that have ended', () =>
    Story.tell(harness, async (story) => {
      const second: SignIn = { ...session, hash: 's2', kind: 'link', begunAt: 2, expiresAt: 40 }
      const others: SignIn[] = [
        { ...session, hash: 's3', principal: 'human:bob', expiresAt: 30 },
        { ...session, hash: 's4', tenant: 'umbrella', expiresAt: 60 },
      ]
      await story.commit({ signIns: { save: [session, second, ...others], remove: [] } })
      expect(await story.session.signInsOf('acme', 'human:ada')).toEqual([second, session])
      expect(await story.session.expiredSignIns(50, 10)).toEqual([others[0], second, session])
      expect(await story.session.expiredSignIns(50, 1)).toEqual([others[0]])
    }))
}
