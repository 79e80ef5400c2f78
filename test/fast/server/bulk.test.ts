import { expect, test } from 'vitest'
import { connect } from '../../../src/client.ts'
import { bodyOf, type Sent, serving } from './serving.ts'

const submission = { action: 'demo.add', input: { a: 4 }, delay: '1h' }
type Send = (path: string, sent?: Sent) => Promise<Response>

async function over(send: Send, id: unknown): Promise<Record<string, unknown>> {
  for (;;) {
    const bulk = await bodyOf(await send(`/v1/bulk/${String(id)}`))
    if (bulk.state === 'done' || bulk.state === 'canceled') return bulk
    // Requests in memory never leave this turn of the loop, in which the writer waits for the next.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('REL-11g a bulk command shows what it finds, does it to that snapshot, and records each outcome', async () => {
  await using server = await serving()
  for (const subject of ['q:1', 'q:1', 'q:2']) await server.send('/v1/executions', { body: { ...submission, subject } })
  const asked = { command: 'cancel', query: 'subject:q:1', reason: 'wrong' }
  const preview = await server.send('/v1/bulk', { body: { ...asked, dryRun: true } })
  expect(preview.status).toBe(200)
  expect(await bodyOf(preview)).toMatchObject({ count: 2, byState: { queued: 2 } })
  const started = await server.send('/v1/bulk', { body: asked })
  expect(started.status).toBe(202)
  const { id } = await bodyOf(started)
  expect(await over(server.send, id)).toMatchObject({ state: 'done', total: 2, done: 2, refused: 0, by: 'human:admin' })
  expect((await server.pawl.list({ query: 'state:canceled' })).items).toHaveLength(2)
  expect((await server.pawl.list({ query: 'state:queued' })).items).toHaveLength(1)
  const retried = await bodyOf(await server.send('/v1/bulk', { body: { command: 'retry', query: 'state:queued' } }))
  const refusals = { illegal_transition: 1 }
  expect(await over(server.send, retried.id)).toMatchObject({ done: 0, refused: 1, refusals })
})

test('REL-11g library and client preview, start, follow and stop a bulk command', async () => {
  await using server = await serving()
  for (const a of [1, 2]) await server.send('/v1/executions', { body: { ...submission, input: { a } } })
  const client = connect({
    url: 'http://here',
    token: await server.tokenOf('operator'),
    fetch: async (url, init) => server.app.request(new Request(url, init)),
  })
  const asked = { command: 'cancel', query: 'state:queued' } as const
  expect(await client.bulk.preview(asked)).toMatchObject({ count: 2, byState: { queued: 2 } })
  expect(await server.pawl.bulk.preview(asked)).toMatchObject({ count: 2 })
  const { id } = await client.bulk.start(asked)
  await over(server.send, id)
  expect(await client.bulk.get(id)).toMatchObject({ state: 'done', done: 2, by: 'human:operator', refusals: {} })
  const other = await server.pawl.bulk.start({ command: 'redrive', query: 'state:canceled', reason: 'after all' })
  await over(server.send, other.id)
  expect(await server.pawl.bulk.get(other.id)).toMatchObject({ done: 2, reason: 'after all' })
  expect((await client.bulk.list()).map((one) => one.id)).toEqual([other.id, id])
  expect(await server.pawl.bulk.list()).toHaveLength(2)
  expect([(await client.bulk.cancel(id)).state, (await server.pawl.bulk.cancel(id)).state]).toEqual(['done', 'done'])
  await expect(client.bulk.get('99')).rejects.toThrow('There is no bulk command 99.')
  await expect(server.pawl.bulk.start({ ...asked, query: 'colour:red' })).rejects.toThrow(/colour/)
})

test('REL-11g a bulk rerun makes a new execution for each, and an empty query is done at once', async () => {
  await using server = await serving()
  await server.send('/v1/executions', { body: { ...submission, delay: 0, key: 'K', waitMs: 10_000 } })
  const rerun = { command: 'rerun', query: 'state:succeeded' }
  const started = await bodyOf(await server.send('/v1/bulk', { body: rerun }))
  expect(await over(server.send, started.id)).toMatchObject({ total: 1, done: 1 })
  const { items } = await server.pawl.list({ query: 'key:K' })
  expect(items.map(({ generation }) => generation)).toEqual([2, 1])
  const empty = await bodyOf(await server.send('/v1/bulk', { body: { command: 'cancel', query: 'action:none' } }))
  expect(empty).toMatchObject({ state: 'done', total: 0 })
})

test('REL-11g what a former process left of a bulk command is done after the restart', async () => {
  await using server = await serving()
  const { id } = await bodyOf(await server.send('/v1/executions', { body: submission }))
  const { orders, views } = server.pawl.engine.host
  const bulk = { tenant: 'default', command: 'cancel', query: '', reason: 'r', by: 'human:admin' } as const
  const [found] = (await views.searchKeys({ where: [], limit: 1 })).found
  for (const isLast of [true, false]) {
    const opened = await orders.give<'bulk_open'>({ kind: 'bulk_open', bulk })
    const key = 'key' in opened ? opened.key : 0
    await orders.give<'bulk_fill'>({ kind: 'bulk_fill', key, executions: [found?.id ?? 0], isLast })
  }
  await server.pawl.engine.bulks.resume(Number.POSITIVE_INFINITY)
  expect(await over(server.send, 1)).toMatchObject({ state: 'done', done: 1 })
  expect(await over(server.send, 2)).toMatchObject({ state: 'canceled', done: 0 })
  expect((await server.pawl.get(String(id))).state).toBe('canceled')
})

test('REL-11g a bulk command needs the right to its command, a readable query and a reason for a redrive', async () => {
  await using server = await serving()
  const send = async (body: object, role: 'viewer' | 'submitter' | 'operator') =>
    (await bodyOf(
      await server.send('/v1/bulk', { body, headers: { authorization: `Bearer ${await server.tokenOf(role)}` } }),
    )) as { code?: string }
  expect((await send({ command: 'cancel', query: 'state:queued' }, 'viewer')).code).toBe('not_permitted')
  expect((await send({ command: 'cancel', query: 'state:queued' }, 'submitter')).code).toBe('not_permitted')
  expect((await send({ command: 'cancel', query: 'colour:red' }, 'operator')).code).toBe('invalid_input')
  expect((await send({ command: 'redrive', query: 'state:failed' }, 'operator')).code).toBe('invalid_input')
  expect((await send({ command: 'cancel', query: 'limit:5' }, 'operator')).code).toBe('invalid_input')
})
