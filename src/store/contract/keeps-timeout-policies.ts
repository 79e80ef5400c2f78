import { expect, test } from 'vitest'
import { defaultTimeouts } from '../../execution/timeout-policy.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** A change of a timeout policy is a new version; none is ever lost. */
export function keepsTimeoutPolicies(harness: Harness): void {
  test('SE-26 a new store holds the documented policies', () =>
    Story.tell(harness, async (story) => {
      const stored = await story.session.timeoutPolicies()
      expect(stored).toEqual(
        defaultTimeouts.map((one) => ({ ...one, by: 'system:engine', reason: 'default', at: 0, fromPosition: 0 })),
      )
      expect(await (await story.views()).timeoutPolicies()).toEqual(stored)
    }))

  test('SE-26 a change is kept beside what it replaces, with who and why', () =>
    Story.tell(harness, async (story) => {
      const before = await story.session.timeoutPolicies()
      const version = before.length + 1
      const set = {
        version,
        slaClass: 'critical',
        actionClass: 'sync',
        attemptMs: null,
        overallMs: 5,
        by: 'human:alice',
        reason: 'new contract',
        at: 9,
        fromPosition: 4,
      }
      await story.commit({ timeoutPolicies: [set, { ...set, version: version + 1, attemptMs: 4, overallMs: null }] })
      const stored = await story.session.timeoutPolicies()
      expect(stored.slice(0, before.length)).toEqual(before)
      expect(stored.slice(before.length)).toEqual([
        set,
        { ...set, version: version + 1, attemptMs: 4, overallMs: null },
      ])
      await expect(story.commit({ timeoutPolicies: [set] })).rejects.toThrow(/UNIQUE/i)
      await expect(story.shell.run(`update timeout_policies set reason = 'x'`)).rejects.toThrow(/append_only/)
      await expect(story.shell.run('delete from timeout_policies')).rejects.toThrow(/append_only/)
    }))
}
