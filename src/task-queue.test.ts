import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from './action/action.ts'
import { NetworkError, ValidationError } from './errors/failures.ts'
import { createPawl, type Pawl } from './pawl.ts'
import { sqlite } from './sqlite.ts'
import type { TaskQueue } from './task-queue.ts'
import { VirtualClock } from './time/clock.ts'

const send = action({
  name: 'quote.send',
  version: 1,
  input: z.object({ quoteId: z.string(), note: z.string().optional() }),
  subject: ({ quoteId }) => `quote:${quoteId}`,
  run: () => null,
})

const clock = new VirtualClock(1_700_000_000_000)
let pawl: Pawl<[typeof send]>
let tasks: TaskQueue

beforeEach(async () => {
  const store = await sqlite({ path: ':memory:', clock })
  pawl = await createPawl({ store, actions: [send], slots: 0, clock })
  tasks = pawl.tasks()
})
afterEach(() => pawl.stop())

const task = (quoteId: string, key?: string) => ({ action: 'quote.send', input: { quoteId }, ...(key ? { key } : {}) })

async function claimed(quoteId = 'Q-1'): Promise<string> {
  const id = await tasks.enqueue(task(quoteId))
  expect(await tasks.claim(id, 'w1')).toMatchObject({ claimed: true })
  return id
}

describe('REL-07 the queue contract', () => {
  test('REL-07 a task is enqueued, claimed under a fence and completed', async () => {
    const id = await tasks.enqueue(task('Q-1'))
    const claim = await tasks.claim(id, 'w1')
    expect(claim).toMatchObject({ claimed: true, task: { id, state: 'running', workerId: 'w1', attempt: 1 } })
    await tasks.complete(id, { sent: true })
    expect(await pawl.get(id)).toMatchObject({ state: 'succeeded', result: { sent: true }, workerId: 'w1' })
  })

  test('REL-07 CP-004b a second claim is refused while the lease holds', async () => {
    const id = await claimed()
    expect(await tasks.claim(id, 'w2')).toMatchObject({ claimed: false, refusal: { code: 'illegal_transition' } })
    expect(await tasks.claim('00000000-0000-8000-8000-000000000000', 'w2')).toMatchObject({
      refusal: { code: 'not_found' },
    })
  })

  test('REL-07 REL-03 a failure says where the task went: three attempts, then failed', async () => {
    const id = await claimed()
    const first = await tasks.fail(id, new NetworkError('reset'))
    expect(first).toMatchObject({ from: 'running', to: 'retryable_failed', attempt: 1 })
    for (const to of ['retryable_failed', 'failed'] as const) {
      await clock.advance(Date.parse((await pawl.get(id)).availableAt ?? '') - clock.now())
      expect(await tasks.claim(id, 'w1')).toMatchObject({ claimed: true })
      expect(await tasks.fail(id, new NetworkError('reset'))).toMatchObject({ to })
    }
    const broken = await claimed('Q-2')
    expect(await tasks.fail(broken, new ValidationError('no such quote'))).toMatchObject({ to: 'failed', attempt: 1 })
  })

  test('REL-07 CP-004a a stale claim is recovered, and its late completion is refused', async () => {
    const id = await claimed()
    expect(await tasks.recoverStale(clock.now())).toEqual([])
    await clock.advance(30_000)
    expect(await tasks.recoverStale(clock.now())).toEqual([{ taskId: id, state: 'retryable_failed' }])
    await expect(tasks.complete(id, {})).rejects.toMatchObject({ code: 'lease_lost' })
    expect((await tasks.audit(id)).map(({ type }) => type)).toEqual([
      'enqueue',
      'claim',
      'lease_expired',
      'write_fenced',
    ])
  })

  test('REL-06a REL-07 completing twice alters nothing: the same outcome is accepted, another refused and recorded', async () => {
    const id = await claimed()
    await tasks.complete(id, { total: 1 })
    await tasks.complete(id, { total: 1 })
    await expect(tasks.complete(id, { total: 2 })).rejects.toMatchObject({ code: 'outcome_differs' })
    expect((await pawl.get(id)).result).toEqual({ total: 1 })
    expect((await tasks.audit(id)).at(-1)).toMatchObject({
      type: 'transition_refused',
      data: { code: 'outcome_differs' },
    })
  })

  test('REL-07 tasks are found by quote and state', async () => {
    const running = await claimed('Q-7')
    const queued = await tasks.enqueue(task('Q-7', 'again'))
    expect((await tasks.bySubject('quote:Q-7')).map(({ id }) => id)).toEqual([queued, running])
    expect((await tasks.bySubject('quote:Q-7', ['running'])).map(({ id }) => id)).toEqual([running])
    expect((await tasks.byState('queued')).map(({ id }) => id)).toEqual([queued])
  })

  test('REL-02b the ledger holds key, task hash, state, attempts, times, result fingerprint and error snapshot', async () => {
    const id = await tasks.enqueue(task('Q-9', 'once'))
    expect(await tasks.enqueue(task('Q-9', 'once'))).toBe(id)
    await expect(tasks.enqueue({ ...task('Q-9', 'once'), input: { quoteId: 'Q-9', note: 'x' } })).rejects.toMatchObject(
      {
        code: 'idempotency_key_reused',
      },
    )
    await tasks.claim(id, 'w1')
    await tasks.fail(id, new NetworkError('reset'))
    expect(await tasks.idempotency('quote.send', 'once')).toMatchObject({
      taskId: id,
      taskHash: (await pawl.get(id)).inputHash,
      state: 'retryable_failed',
      attempts: 1,
      resultFingerprint: null,
      errorSnapshot: { errorClass: 'NetworkError', message: 'reset' },
    })
    expect(await tasks.idempotency('quote.send', 'never')).toBeNull()
    const types = (await tasks.audit(id)).map(({ type }) => type)
    expect(types).toContain('idempotent_replay')
    expect(types).toContain('idempotency_conflict')
  })
})

test('a command for a version that has passed is refused and leaves the version as it is', async () => {
  const id = await tasks.enqueue(task('Q-3'))
  const by = { principal: 'human:op', tenant: 'default' }
  const cancel = { type: 'cancel', reason: null } as const
  const stale = await pawl.engine.plane.command(id, cancel, by, 9)
  expect(stale).toMatchObject({ code: 'state_changed', details: { stateVersion: 1 } })
  expect((await pawl.get(id)).stateVersion).toBe(1)
  expect(await pawl.engine.plane.command(id, cancel, by, 1)).toMatchObject({ state: 'canceled' })
})
