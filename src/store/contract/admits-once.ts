import { expect, test } from 'vitest'
import type { KeyLookup } from '../store.ts'
import { aQueued, aRequest, logOfAdmitted } from './builders.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** A key is reserved once, and what was admitted is read back as it was written. */
export function admitsOnce(harness: Harness): void {
  const lookup: KeyLookup = { tenant: 'acme', action: 'quote.render', recordOnly: false, key: 'K', generation: 1 }

  test('REL-02a a key taken in the same tenant, action, record-only flag and generation is refused, with nothing of its commit kept', () =>
    Story.tell(harness, async (story) => {
      await story.admit({ request: { key: 'K' } })
      const before = await story.session.counters()
      await expect(story.admit({}, { request: { key: 'K' } })).rejects.toThrow(/^row_exists: /)
      expect(await story.session.executions([2, 3])).toEqual([])
      expect(await story.session.counters()).toEqual(before)
      expect(await (await story.views()).headPosition()).toBe(1)
    }))

  test('REL-02a the owner of a key is found by tenant, action, flag, key and generation together', () =>
    Story.tell(harness, async (story) => {
      await story.admit(
        { request: { key: 'K', inputHash: 'first' } },
        { request: { key: 'K', tenant: 'other', inputHash: 'tenant' } },
        { request: { key: 'K', action: 'crm.sync', inputHash: 'action' } },
        { request: { key: 'K', recordOnly: true, inputHash: 'flag' } },
        { request: { key: 'L', inputHash: 'key' } },
        { request: { key: 'K', generation: 2, inputHash: 'generation' } },
        {},
        {},
      )
      const owners = await story.session.keyOwners([
        lookup,
        { ...lookup, tenant: 'other' },
        { ...lookup, action: 'crm.sync' },
        { ...lookup, recordOnly: true },
        { ...lookup, key: 'L' },
        { ...lookup, generation: 2 },
        { ...lookup, generation: null },
        { ...lookup, tenant: 'other', generation: null },
        { ...lookup, action: 'crm.sync', generation: null },
        { ...lookup, recordOnly: true, generation: null },
        { ...lookup, key: 'L', generation: null },
        { ...lookup, tenant: 'nobody' },
        { ...lookup, generation: 3 },
      ])
      const hashes = owners.map((owner) => owner?.inputHash ?? null)
      const each = ['tenant', 'action', 'flag', 'key']
      expect(hashes).toEqual(['first', ...each, 'generation', 'generation', ...each, null, null])
      expect(owners[0]?.id).toBe(1)
    }))

  test('what was admitted is read back exactly', () =>
    Story.tell(harness, async (story) => {
      const [plain, full, last] = await story.prepare(
        {},
        {
          request: {
            subject: 'quote:Q-42',
            key: 'K',
            generation: 4,
            recordOnly: true,
            input: '{"text":"ünïcode \\u0000 \'quoted\'"}',
            mode: 'immediate',
            priority: 7,
            policyVersion: 9,
            parentId: 1,
          },
          execution: { state: 'requested', rank: -7, deadlineAt: 9_000, availableAt: 5_000, maxAttempts: 5 },
        },
        {},
      )
      if (plain === undefined || full === undefined || last === undefined) throw new Error('three were prepared')
      const position = await story.position()
      const log = [
        logOfAdmitted(position, [plain.execution, last.execution]),
        logOfAdmitted(position + 1, [{ ...full.execution, head: position + 1 }]),
      ]
      const requested = { ...full, execution: { ...full.execution, head: position + 1 } }
      await story.commit({ admitted: [plain, requested, last], log })
      expect(await story.session.executions([2, 1])).toEqual([requested.execution, plain.execution])
      expect(await story.session.requests([1, 99, 2])).toEqual([plain.request, full.request])
      expect(await (await story.views()).find(2)).toEqual(requested)
      expect(await (await story.views()).find(99)).toBeNull()
    }))

  test('an execution may be born leased, as running with event 2', () =>
    Story.tell(harness, async (story) => {
      const born = { state: 'running', n: 2, attempt: 1, fence: 2, head: 2, worker: 1, leaseUntil: 31_000 } as const
      const request = aRequest(1)
      const execution = aQueued(1, { ...born, startedAt: 1_000 })
      const claim = { type: 'claim', from: 'queued', to: 'running', numbers: [2], previous: [1] } as const
      const log = [logOfAdmitted(1, [aQueued(1)]), { ...logOfAdmitted(2, [execution]), ...claim }]
      await story.commit({ admitted: [{ request, execution }], log })
      expect(await story.session.executions([1])).toEqual([execution])
      const events = await (await story.views()).events(1, 0, 10)
      expect(events.map(({ n, type }) => [n, type])).toEqual([
        [1, 'enqueue'],
        [2, 'claim'],
      ])
    }))

  test('whatever a first row holds is kept', () =>
    Story.tell(harness, async (story) => {
      const some = {
        availableAt: 9,
        attempt: 1,
        waitingFor: 'timer',
        ending: 'failed',
        journal: 2,
        lastError: 'x',
      } as const
      const more = { cancelledBy: 'human:bob', cancelledAt: 3, openEffects: 4, reconciles: 5, cancelChecks: 6 } as const
      const [execution] = await story.admit({
        execution: { ...some, ...more, leaseRenewals: 7, finishedAt: 8, startedAt: 9 },
      })
      expect(await story.session.executions([1])).toEqual([execution])
    }))

  test('counters go on after a commit, go back after a rollback, and are found again', () =>
    Story.tell(harness, async (story) => {
      expect(await story.session.counters()).toEqual({ execution: 1, queue: 3, worker: 2, position: 1 })
      await story.admit({}, {})
      expect(await story.session.counters()).toEqual({ execution: 3, queue: 3, worker: 2, position: 2 })
      const admitted = await story.prepare({})
      await story.session.begin()
      await story.commitless(admitted)
      expect(await story.session.counters()).toEqual({ execution: 4, queue: 3, worker: 2, position: 2 })
      await story.session.rollback()
      expect(await story.session.counters()).toEqual({ execution: 3, queue: 3, worker: 2, position: 2 })
      expect(await story.session.executions([3])).toEqual([])
      if (story.store.reopen === undefined) return
      const again = await story.store.reopen()
      expect(await again.session.counters()).toEqual({ execution: 3, queue: 3, worker: 2, position: 2 })
      await again.close()
    }))
}
