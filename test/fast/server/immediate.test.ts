import { expect, test } from 'vitest'
import { z } from 'zod'
import { connect } from '../../../src/client.ts'
import { action } from '../../../src/pawl.ts'
import { bodyOf, serving } from './serving.ts'

/*
 * The cases of immediate mode, and where each is held: 1 the same path and guarantees (here, admitting.test.ts) · 2 the
 * window is 10 s at most (here) · 3 what outlives it goes on in the background (here) · 4 a busy lock (here) · 5 a pause
 * (here) · 6 not due, or waiting for somebody, or for another try (here) · 7 whoever waits has gone (here) · 8 a crash
 * (worker/immediate.test.ts) · 9 in no queue depth (here, counts-depth.ts) · 10 an approval: there are none yet.
 */

const submission = { action: 'demo.add', input: { a: 4 } }
const input = z.object({})
const prefer = { prefer: 'wait=10' }

test('SE-27 Prefer: wait runs in immediate mode and answers 200 with the result and what it applied', async () => {
  await using server = await serving()
  const done = await server.send('/v1/executions', { body: submission, headers: { prefer: 'wait=60' } })
  expect(done.status).toBe(200)
  expect(done.headers.get('preference-applied')).toBe('wait=10')
  expect(await bodyOf(done)).toMatchObject({ state: 'succeeded', mode: 'immediate', result: { sum: 5 } })
  const failed = await server.send('/v1/executions', { body: { action: 'demo.wrong', input: {} }, headers: prefer })
  expect([failed.status, (await bodyOf(failed)).state]).toEqual([200, 'failed'])
})

test('SE-27 what outlives the window goes on in the background and is answered 202 with the reason', async () => {
  await using server = await serving({ slots: 0 })
  const later = await server.send('/v1/executions', { body: { ...submission, waitMs: 20 } })
  expect(later.status).toBe(202)
  const body = await bodyOf(later)
  expect(body).toMatchObject({ state: 'queued', mode: 'immediate', why: expect.stringContaining('No live worker') })
  expect((await bodyOf(await server.send(`/v1/executions/${body.id}`))).state).toBe('queued')
})

test('SE-27 paused work and work that is not due is answered 202 at once, not after the window', async () => {
  await using server = await serving()
  const paused = { action: 'demo.add', reason: 'the CRM is down' }
  await server.send('/v1/pauses', { body: paused })
  const held = await server.send('/v1/executions', { body: submission, headers: prefer })
  expect(held.status).toBe(202)
  expect(await bodyOf(held)).toMatchObject({ state: 'queued', why: expect.stringContaining('the CRM is down') })
  await server.send('/v1/pauses?action=demo.add', { method: 'DELETE' })
  const delayed = await server.send('/v1/executions', { body: { ...submission, delay: '1h' }, headers: prefer })
  expect(delayed.status).toBe(202)
  expect((await bodyOf(delayed)).why).toMatch(/due at/)
})

test('SE-27 what waits for a busy lock goes on in the background, and is answered 202 with its holder', async () => {
  await using server = await serving()
  const body = { action: 'demo.guarded', input: { lock: 'asset:web-17' } }
  const holder = await bodyOf(await server.send('/v1/executions', { body }))
  await expect.poll(async () => (await server.pawl.get(String(holder.id))).state).toBe('running')
  const held = await server.send('/v1/executions', { body: { ...body, waitMs: 300 } })
  expect(held.status).toBe(202)
  const why = expect.stringContaining(`"asset:web-17" is held by execution ${String(holder.id)}`)
  expect(await bodyOf(held)).toMatchObject({ mode: 'immediate', why })
})

test('SE-27 parked work is answered 202 at once', async () => {
  await using server = await serving()
  await server.send('/v1/pauses', { body: { subject: 'quote:1', reason: 'wait' } })
  const held = await server.send('/v1/executions', { body: { ...submission, subject: 'quote:1' }, headers: prefer })
  expect(held.status).toBe(202)
})

test('SE-27 an immediate submission whose key is known waits for the first one’s end', async () => {
  await using server = await serving()
  const body = { ...submission, key: 'K' }
  const first = await server.send('/v1/executions', { body, headers: prefer })
  const again = await server.send('/v1/executions', { body, headers: prefer })
  expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
  expect((await bodyOf(again)).id).toBe((await bodyOf(first)).id)
})

test('SE-27 nothing is lost when whoever waits goes away: the wait ends, the execution goes on', async () => {
  await using server = await serving({ slots: 0 })
  const gone = new AbortController()
  const waiting = server.pawl.run({ action: 'demo.add', input: { a: 1 } }, { signal: gone.signal })
  gone.abort()
  const execution = await waiting
  expect(execution.ended).toBe(false)
  expect((await server.pawl.get(execution.id)).state).toBe('queued')
})

test('SE-27 a client that closes its connection ends the wait only', async () => {
  await using server = await serving({ slots: 0 })
  const gone = new AbortController()
  const headers = { authorization: `Bearer ${server.adminToken}`, ...prefer, 'idempotency-key': 'K' }
  const body = JSON.stringify(submission)
  const request = new Request('http://here/v1/executions', { method: 'POST', headers, body, signal: gone.signal })
  const answer = server.app.request(request)
  await expect.poll(async () => (await bodyOf(await server.send('/v1/executions'))).items).toHaveLength(1)
  gone.abort()
  expect((await answer).status).toBe(202)
  const again = await bodyOf(await server.send('/v1/executions', { body: { ...submission, key: 'K' } }))
  expect(again).toMatchObject({ state: 'queued', mode: 'immediate' })
})

test('SE-27 what waits for somebody is answered 202 at once, with what it waits for', async () => {
  const asking = action({ name: 'demo.asks', version: 1, input, run: ({ waitForSignal }) => waitForSignal('go') })
  await using server = await serving({ more: [asking] })
  const held = await server.send('/v1/executions', { body: { action: 'demo.asks', input: {} }, headers: prefer })
  expect(held.status).toBe(202)
  expect(await bodyOf(held)).toMatchObject({ state: 'waiting', why: expect.stringContaining('go') })
})

test('SE-27 another try within the window is waited for, one behind it is not', async () => {
  const trying = (name: string, baseMs: number) =>
    action({
      name,
      version: 1,
      input,
      retry: { maxAttempts: 2, baseMs, jitter: 'none' },
      run({ attempt }) {
        if (attempt === 1) throw new Error('not yet')
        return attempt
      },
    })
  await using server = await serving({ more: [trying('demo.soon', 10), trying('demo.late', 60_000)] })
  const soon = await server.send('/v1/executions', { body: { action: 'demo.soon', input: {} }, headers: prefer })
  expect(soon.status).toBe(200)
  expect(await bodyOf(soon)).toMatchObject({ state: 'succeeded', result: 2 })
  const late = await server.send('/v1/executions', { body: { action: 'demo.late', input: {} }, headers: prefer })
  expect([late.status, (await bodyOf(late)).state]).toEqual([202, 'retryable_failed'])
})

test('SE-27 immediate work waits in no queue that people are shown', async () => {
  await using server = await serving({ slots: 0 })
  await server.send('/v1/executions', { body: { ...submission, mode: 'immediate', waitMs: 0 } })
  await server.send('/v1/executions', { body: submission })
  const { depth } = await bodyOf(await server.send('/v1/ops'))
  expect(depth).toEqual([{ action: 'demo.add', state: 'queued', count: 1 }])
})

test('SE-27 library and client run an action and have its result, typed by the action', async () => {
  await using server = await serving()
  const execution = await server.pawl.run({ action: 'demo.add', input: { a: 2 } })
  const { ended, why, state } = execution
  expect({ ended, why, state }).toEqual({ ended: true, why: null, state: 'succeeded' })
  const { sum } = await server.pawl.result(execution)
  expect(sum.toFixed(1)).toBe('3.0')
  const client = connect({
    url: 'http://here',
    token: await server.tokenOf('submitter'),
    fetch: async (url, init) => server.app.request(new Request(url, init)),
  })
  expect(await client.run(submission)).toMatchObject({ ended: true, state: 'succeeded', why: null, replayed: false })
})
