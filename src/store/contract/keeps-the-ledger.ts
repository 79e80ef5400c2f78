import { expect, test } from 'vitest'
import type { Effect } from '../../execution/execution.ts'
import { anEffect, anOutcome, aStep, succeeded } from './builders.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** Effects and steps are on record once; a verdict stays, and an open effect is found. */
export function keepsTheLedger(harness: Harness): void {
  const started = async (story: Story): Promise<void> => {
    await story.claim(await story.admit({}, {}, { request: { tenant: 'other' } }))
  }
  const byKey = (effects: readonly Effect[]): readonly Effect[] =>
    [...effects].sort((a, b) => a.id - b.id || a.effectKey.localeCompare(b.effectKey))

  test('REL-06a an intent is kept, then its outcome in its place, without touching its neighbours', () =>
    Story.tell(harness, async (story) => {
      await started(story)
      const [a, b, c] = [
        anEffect(1, 'A'),
        anEffect(1, 'B'),
        anEffect(2, 'A', { target: 'opaque', reconcilable: false }),
      ]
      await story.commit({ effects: [a, b, c] })
      const applied = anEffect(1, 'A', { state: 'applied', concludedAt: 3_000, value: '{"id":7}' })
      await story.commit({ effects: [applied] })
      expect(byKey(await story.session.effects([1, 2, 9]))).toEqual([applied, b, c])
      expect(await story.session.effects([2])).toEqual([c])
    }))

  test('an effect whose intent and outcome fall into one commit is kept as concluded', () =>
    Story.tell(harness, async (story) => {
      await started(story)
      const failed = { errorClass: 'NetworkError', error: 'refused', concludedAt: 9 }
      const effect = anEffect(1, 'A', { state: 'not_applied', ...failed })
      await story.commit({ effects: [effect] })
      expect(await story.session.effects([1])).toEqual([effect])
      const retried = anEffect(1, 'A', { intents: 2, fence: 8, worker: 3, intendedAt: 10 })
      await story.commit({ effects: [retried] })
      expect(await story.session.effects([1])).toEqual([retried])
    }))

  test.each(['applied', 'unknown_accepted'] as const)(
    'REL-06a an effect that is %s never changes its verdict',
    (state) =>
      Story.tell(harness, async (story) => {
        await started(story)
        const concluded = anEffect(1, 'A', { state, concludedAt: 9 })
        await story.commit({ effects: [concluded] })
        await expect(story.commit({ effects: [{ ...concluded, state: 'not_applied' }] })).rejects.toThrow(
          /^effect_concluded: /,
        )
        await expect(story.commit({ effects: [anEffect(1, 'A')] })).rejects.toThrow(/^row_exists: /)
        const { shell } = story
        await expect(shell.run('update execution_effects set state = 1')).rejects.toThrow(/^effect_concluded: /)
        await expect(shell.run('replace into execution_effects select * from execution_effects')).rejects.toThrow(
          /^row_exists: /,
        )
        expect(await story.session.effects([1])).toEqual([concluded])
      }),
  )

  test.each([
    ['execution = 2', /^effect_concluded: |FOREIGN KEY/],
    [`effect_key = 'B'`, /^effect_concluded: /],
    ['intents = intents - 1', /^effect_concluded: |CHECK/i],
    ['fence = fence - 1', /^effect_concluded: /],
  ])('an intent on record loses nothing: set %s', (set, refused) =>
    Story.tell(harness, async (story) => {
      await started(story)
      const effect = anEffect(1, 'A', { intents: 3 })
      await story.commit({ effects: [anEffect(1, 'A')] })
      await story.commit({ effects: [effect] })
      await expect(story.shell.run(`update execution_effects set ${set}`)).rejects.toThrow(refused)
      expect(await story.session.effects([1])).toEqual([effect])
    }),
  )

  test('open effects are found over all executions, newest first, and by execution and tenant', () =>
    Story.tell(harness, async (story) => {
      await started(story)
      const intended = anEffect(1, 'A')
      const doubted = anEffect(3, 'B', { state: 'in_doubt' })
      const applied = anEffect(2, 'C', { state: 'applied', concludedAt: 1 })
      await story.commit({ effects: [intended, doubted, applied] })
      const views = await story.views()
      expect(await views.effects({ open: true, limit: 10 })).toEqual([doubted, intended])
      expect(await views.effects({ open: true, limit: 1 })).toEqual([doubted])
      expect(await views.effects({ open: true, id: 1, limit: 10 })).toEqual([intended])
      expect(await views.effects({ open: true, tenant: 'other', limit: 10 })).toEqual([doubted])
      expect(await views.effects({ limit: 10 })).toEqual([doubted, applied, intended])
      expect(await views.effects({ id: 2, limit: 10 })).toEqual([applied])
      expect(await views.effects({ tenant: 'acme', limit: 10 })).toEqual([applied, intended])
    }))

  test('a step is recorded once and given back, as are fingerprints', () =>
    Story.tell(harness, async (story) => {
      await started(story)
      const [load, again] = [aStep(1, 'load'), aStep(1, 'load', { ordinal: 2 })]
      await story.commit({ steps: [load, again, aStep(2, 'load')] })
      await expect(story.commit({ steps: [aStep(1, 'load', { value: '2' })] })).rejects.toThrow(/^row_exists: /)
      const views = await story.views()
      expect(await story.session.steps([1, 9])).toEqual([load, again])
      expect(await views.steps(1)).toEqual([load, again])
      const executions = await story.session.executions([1, 2])
      await story.succeed(executions.slice(0, 1))
      await story.move('fail', executions.slice(1), { state: 'failed' })
      expect(await story.session.fingerprints([1, 2, 3])).toEqual([{ id: 1, fingerprint: 'a'.repeat(64) }])
      expect(await story.session.fingerprints([2])).toEqual([])
    }))

  test('REL-06a an end without a success has no fingerprint to compare with', () =>
    Story.tell(harness, async (story) => {
      const [running] = await story.claim(await story.admit({}))
      if (running === undefined) throw new Error('one was started')
      const failed = { ...succeeded(running, await story.position()), state: 'failed' as const }
      await story.commit({ updates: [{ was: running, is: failed }], outcomes: [anOutcome(failed)] })
      expect(await story.session.fingerprints([1])).toEqual([])
    }))
}
