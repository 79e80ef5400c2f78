import { describe, expect, test } from 'vitest'
import type { ExecutionFilter, Views } from '../store.ts'
import { aRequest } from './builders.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** What people are shown: complete, in order, page by page, and one tenant's only. */
export function readsHistory(harness: Harness): void {
  const ids = async (views: Views, filter: Omit<ExecutionFilter, 'limit'>, limit = 100): Promise<number[]> =>
    (await views.list({ ...filter, limit })).map(({ request }) => request.id)

  const populated = async (story: Story): Promise<Views> => {
    const queued = await story.admit(
      { request: { key: 'K', subject: 'quote:1' } },
      { request: { action: 'crm.sync', subject: 'quote:1' }, execution: { queue: 2 } },
      { request: { key: 'K', generation: 2, subject: 'quote:2' } },
      {},
    )
    await story.admit({ request: { tenant: 'other', key: 'K', subject: 'quote:1' } })
    await story.succeed(await story.claim(queued.slice(0, 1)))
    const failing = await story.claim(queued.slice(1, 3))
    const because = { lastErrorClass: 'NetworkError', lastError: 'down', updatedAt: 5_000 }
    await story.move('fail', failing.slice(0, 1), { state: 'failed', ...because })
    await story.move('fail_retryable', failing.slice(1), { state: 'retryable_failed', ...because })
    return story.views()
  }

  test('executions are listed newest first, page by page', () =>
    Story.tell(harness, async (story) => {
      const views = await populated(story)
      expect(await ids(views, {})).toEqual([5, 4, 3, 2, 1])
      expect(await ids(views, {}, 2)).toEqual([5, 4])
      expect(await ids(views, { before: 4 }, 2)).toEqual([3, 2])
    }))

  describe.each([
    ['tenant', { tenant: 'other' }, [5]],
    ['state', { states: ['succeeded', 'failed'] }, [2, 1]],
    ['action', { action: 'crm.sync' }, [2]],
    ['subject', { subject: 'quote:1' }, [5, 2, 1]],
    ['subject and tenant', { subject: 'quote:1', tenant: 'acme' }, [2, 1]],
    ['subject and action', { subject: 'quote:1', action: 'crm.sync' }, [2]],
    ['subject and state', { subject: 'quote:1', states: ['queued'] }, [5]],
    ['subject below a key', { subject: 'quote:1', before: 5 }, [2, 1]],
    ['subject and idempotency key', { subject: 'quote:1', key: 'K' }, [5, 1]],
    ['idempotency key', { key: 'K' }, [5, 3, 1]],
    ['key and tenant', { key: 'K', tenant: 'acme' }, [3, 1]],
    ['key and action', { key: 'K', action: 'crm.sync' }, []],
    ['key and state', { key: 'K', states: ['retryable_failed'] }, [3]],
    ['key below a key', { key: 'K', before: 3 }, [1]],
    ['tenant and action and state', { tenant: 'acme', action: 'quote.render', states: ['queued'] }, [4]],
  ] as const)('REL-07 executions are found by %s', (_, filter, expected) => {
    test('and no others', () =>
      Story.tell(harness, async (story) => {
        expect(await ids(await populated(story), filter)).toEqual(expected)
      }))
  })

  test('one execution’s events are read above a number, in order, as many as asked', () =>
    Story.tell(harness, async (story) => {
      const views = await populated(story)
      const all = await views.events(3, 0, 10)
      expect(all.map(({ n, type, from, to, tenant }) => [n, type, from, to, tenant])).toEqual([
        [1, 'enqueue', null, 'queued', 'acme'],
        [2, 'claim', 'queued', 'running', 'acme'],
        [3, 'fail_retryable', 'running', 'retryable_failed', 'acme'],
      ])
      expect(await views.events(3, 1, 10)).toEqual(all.slice(1))
      expect(await views.events(3, 0, 2)).toEqual(all.slice(0, 2))
      expect(await views.events(3, 3, 2)).toEqual([])
      expect(await views.events(99, 0, 2)).toEqual([])
    }))

  test('the ordered feed goes on behind a position and shows one tenant its own', () =>
    Story.tell(harness, async (story) => {
      const views = await populated(story)
      const all = await views.log(0, 100)
      expect(all.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7])
      expect(await views.log(3, 2)).toEqual(all.slice(3, 5))
      expect(await views.log(0, 100, 'other')).toEqual(all.filter(({ tenant }) => tenant === 'other'))
      expect(await views.headPosition()).toBe(7)
    }))

  test('SE-27 what waits in immediate mode is counted in no queue, until it runs', () =>
    Story.tell(harness, async (story) => {
      const [waiting, running] = await story.admit(
        { request: { mode: 'immediate' }, execution: { rank: -10_000 } },
        { request: { mode: 'immediate' }, execution: { rank: -5_000 } },
        { execution: { rank: -1_000 } },
      )
      const counts = async () => (await (await story.views()).countsByState()).map(({ state, count }) => [state, count])
      expect(await counts()).toEqual([['queued', 1]])
      await story.claim([waiting, running].filter((one) => one !== undefined))
      expect(await counts()).toEqual([
        ['queued', 1],
        ['running', 2],
      ])
    }))

  test('counts and failure patterns are taken over everybody or one tenant', () =>
    Story.tell(harness, async (story) => {
      const views = await populated(story)
      const acme = [
        { action: 'crm.sync', state: 'failed', count: 1 },
        { action: 'quote.render', state: 'queued', count: 1 },
        { action: 'quote.render', state: 'retryable_failed', count: 1 },
        { action: 'quote.render', state: 'succeeded', count: 1 },
      ]
      expect(await views.countsByState('acme')).toEqual(acme)
      expect((await views.countsByState()).find(({ state }) => state === 'queued')?.count).toBe(2)
      const pattern = { errorClass: 'NetworkError', count: 1, newestAt: 5_000 }
      expect(await views.failuresSince(5_000)).toEqual([
        { action: 'crm.sync', state: 'failed', ...pattern },
        { action: 'quote.render', state: 'retryable_failed', ...pattern },
      ])
      expect(await views.failuresSince(5_001)).toEqual([])
      expect(await views.failuresSince(0, 'other')).toEqual([])
    }))

  test('REL-11h what is restored from the archive is no new failure', () =>
    Story.tell(harness, async (story) => {
      const running = await story.claim(await story.admit({}))
      const ended = { state: 'failed' as const, lastErrorClass: 'NetworkError', finishedAt: 4_000 }
      const failed = await story.move('fail', running, { ...ended, updatedAt: 4_000 })
      await story.move('restored', failed, { updatedAt: 9_000 })
      const views = await story.views()
      expect(await views.failuresSince(4_001)).toEqual([])
      const shown = { action: 'quote.render', state: 'failed', errorClass: 'NetworkError', count: 1, newestAt: 4_000 }
      expect(await views.failuresSince(4_000)).toEqual([shown])
    }))

  test('a success after failures is no failure', () =>
    Story.tell(harness, async (story) => {
      const running = await story.claim(await story.admit({}))
      const failed = await story.move('fail_retryable', running, {
        state: 'retryable_failed',
        lastErrorClass: 'TimeoutError',
      })
      await story.succeed(await story.claim(failed))
      expect(await (await story.views()).failuresSince(0)).toEqual([])
    }))

  test('SE-01 the names of other systems show the same rows', () =>
    Story.tell(harness, async (story) => {
      await populated(story)
      const { shell } = story
      const states = async (view: string): Promise<unknown[]> =>
        (await shell.rows(`select state from ${view} order by 1`)).map(({ state }) => state)
      expect(await states('execution_queue')).toEqual(['queued', 'queued', 'retryable_failed'])
      expect(await states('execution_queue_task')).toEqual([
        'completed',
        'failed_terminal',
        'queued',
        'queued',
        'retryable_failed',
      ])
      const [dead] = await shell.rows('select * from execution_dlq')
      expect(dead).toMatchObject({ id: aRequest(2).publicId, last_error_class: 'NetworkError' })
      expect(
        await shell.rows(`select key, generation, state from idempotency_keys where tenant = 'acme'`),
      ).toHaveLength(2)
      const [entry] = await shell.rows('select * from execution_idempotency_ledger')
      expect(entry).toMatchObject({ operation_key: 'K', quote_id: 'quote:1', first_seen_at: '1970-01-01 00:00:01' })
      const audit = await shell.rows(`select * from execution_queue_transition_audit where task_id = 'public-3'`)
      expect(audit.map(({ from_state, to_state }) => [from_state, to_state])).toEqual([
        [null, 'queued'],
        ['queued', 'running'],
        ['running', 'retryable_failed'],
      ])
    }))
}
