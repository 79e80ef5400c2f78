import { expect, test } from 'vitest'
import { bodyOf, serving } from './serving.ts'

const submission = { action: 'demo.add', input: { a: 4 } }

test('CP-003b a key answers 201, then 200 with Idempotent-Replayed, and 422 for another input', async () => {
  await using server = await serving()
  const headers = { 'idempotency-key': 'K1' }
  const first = await server.send('/v1/executions', { body: submission, headers })
  const again = await server.send('/v1/executions', { body: submission, headers: { 'idempotency-key': '"K1"' } })
  const other = await server.send('/v1/executions', { body: { ...submission, input: { a: 5 } }, headers })
  expect([first.status, again.status, other.status]).toEqual([201, 200, 422])
  expect(first.headers.get('idempotent-replayed')).toBeNull()
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  const { id } = await bodyOf(first)
  expect((await bodyOf(again)).id).toBe(id)
  expect(first.headers.get('location')).toBe(`/v1/executions/${String(id)}`)
  expect(other.headers.get('content-type')).toBe('application/problem+json')
  expect(await bodyOf(other)).toMatchObject({ code: 'idempotency_key_reused', status: 422, next: expect.any(String) })
})

test('CP-003c replays and conflicts of a key can be read', async () => {
  await using server = await serving()
  for (const a of [4, 4, 5]) await server.send('/v1/executions', { body: { ...submission, input: { a }, key: 'K1' } })
  const found = await bodyOf(await server.send('/v1/idempotency/K1'))
  expect(found).toMatchObject({ key: 'K1', items: [{ action: 'demo.add', generation: 1 }] })
  expect((found.events as { type: string }[]).map(({ type }) => type)).toEqual([
    'idempotent_replay',
    'idempotency_conflict',
  ])
  expect((await server.send('/v1/idempotency/K2')).status).toBe(404)
})

test('Prefer: wait answers with the result, or 202 when it goes on', async () => {
  await using server = await serving()
  const done = await server.send('/v1/executions', { body: submission, headers: { prefer: 'wait=10' } })
  expect(done.status).toBe(200)
  expect(await bodyOf(done)).toMatchObject({ state: 'succeeded', result: { sum: 5 } })
  const later = await server.send('/v1/executions', { body: { ...submission, delay: '1h', waitMs: 1 } })
  expect(later.status).toBe(202)
})

test('a batch answers each for itself', async () => {
  await using server = await serving()
  const executions = [submission, { action: 'nothing.here', input: {} }, { ...submission, input: { a: 'x' } }]
  const { items } = (await bodyOf(await server.send('/v1/executions/batch', { body: { executions } }))) as {
    items: { status: number; problem?: { code: string } }[]
  }
  expect(items.map(({ status, problem }) => [status, problem?.code])).toEqual([
    [201, undefined],
    [404, 'unknown_action'],
    [422, 'invalid_input'],
  ])
})

test('If-Match refuses a command on an execution that has moved on', async () => {
  await using server = await serving()
  const { id } = await bodyOf(await server.send('/v1/executions', { body: { ...submission, delay: '1h' } }))
  const stale = await server.send(`/v1/executions/${id}/cancel`, { body: {}, headers: { 'if-match': '"9"' } })
  expect(stale.status).toBe(412)
  // As the refusal says: read it again. The refusal itself is an event, so the version has grown with it.
  const { stateVersion } = await bodyOf(await server.send(`/v1/executions/${id}`))
  const headers = { 'if-match': `"${stateVersion}"` }
  const right = await server.send(`/v1/executions/${id}/cancel`, { body: { reason: 'r' }, headers })
  expect(await bodyOf(right)).toMatchObject({ state: 'canceled', cancelledBy: 'human:admin' })
})

test('REL-04b the trace of an execution shows what was refused, by whom and with which code', async () => {
  await using server = await serving()
  const { id } = await bodyOf(await server.send('/v1/executions', { body: { ...submission, waitMs: 10_000 } }))
  expect((await server.send(`/v1/executions/${id}/retry`, { body: {} })).status).toBe(409)
  const trace = await bodyOf(await server.send(`/v1/executions/${id}/trace`))
  expect(trace).toMatchObject({
    execution: { state: 'succeeded' },
    decisions: {
      policyVersion: 1,
      refused: [{ type: 'transition_refused', principal: 'human:admin', code: 'illegal_transition', command: 'retry' }],
    },
  })
})

test('CP-006 one trace id leads from the request to the last event, and stands in the log', async () => {
  await using server = await serving()
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
  const response = await server.send('/v1/executions', { body: { ...submission, waitMs: 10_000 }, headers })
  expect(response.headers.get('x-trace-id')).toBe(traceId)
  const { id } = await bodyOf(response)
  const { items } = (await bodyOf(await server.send(`/v1/executions/${id}/events`))) as {
    items: { traceId: string; type: string }[]
  }
  expect(items.at(-1)?.type).toBe('succeed')
  expect(new Set(items.map((event) => event.traceId))).toEqual(new Set([traceId]))
  expect(server.lines.some((line) => line.includes(traceId) && line.includes('"status":200'))).toBe(true)
})

test('the list follows its cursor to the end, and the feed its position', async () => {
  await using server = await serving({ slots: 0 })
  for (let a = 0; a < 5; a += 1) await server.send('/v1/executions', { body: { ...submission, input: { a } } })
  const seen: string[] = []
  for (let cursor = ''; ; ) {
    const page = await bodyOf(await server.send(`/v1/executions?query=state:queued&limit=2${cursor}`))
    seen.push(...(page.items as { id: string }[]).map(({ id }) => id))
    if (page.next === null) break
    cursor = `&cursor=${page.next as string}`
  }
  expect(new Set(seen).size).toBe(5)
  const feed = await bodyOf(await server.send('/v1/events?after=0&limit=2'))
  const rest = await bodyOf(await server.send(`/v1/events?after=${feed.next as number}&limit=100`))
  const events = [...(feed.items as { executionId: string }[]), ...(rest.items as { executionId: string }[])]
  expect(events.map(({ executionId }) => executionId)).toEqual([...seen].reverse())
})

test('an artifact is downloaded with its hash as ETag, and not twice', async () => {
  await using server = await serving()
  const body = { action: 'demo.write', input: { text: 'grüße' }, waitMs: 10_000 }
  const { id, state } = await bodyOf(await server.send('/v1/executions', { body }))
  expect(state).toBe('succeeded')
  const { items } = (await bodyOf(await server.send(`/v1/executions/${id}/artifacts`))) as {
    items: { sha256: string }[]
  }
  const path = `/v1/executions/${id}/artifacts/note.txt`
  const file = await server.send(path)
  expect(await file.text()).toBe('grüße')
  expect(file.headers.get('etag')).toBe(`"${items[0]?.sha256}"`)
  expect(file.headers.get('content-type')).toBe('text/plain')
  const again = await server.send(path, { headers: { 'if-none-match': file.headers.get('etag') ?? '' } })
  expect(again.status).toBe(304)
  expect((await server.send(`/v1/executions/${id}/artifacts/..%2f..%2fserver.json`)).status).toBe(404)
})

test('REL-11g a pause holds work back, is shown with who and why, and ends', async () => {
  await using server = await serving()
  expect(
    await bodyOf(await server.send('/v1/pauses', { body: { action: 'demo.add', reason: 'CRM is down' } })),
  ).toEqual({ changed: true })
  const held = await bodyOf(await server.send('/v1/executions', { body: submission }))
  expect(await bodyOf(await server.send('/v1/pauses'))).toMatchObject({
    items: [{ scope: 'action', value: 'demo.add', by: 'human:admin' }],
  })
  expect(await bodyOf(await server.send(`/v1/executions/${held.id}/why`))).toMatchObject({
    why: expect.stringContaining('CRM is down'),
  })
  await server.send('/v1/pauses?action=demo.add', { method: 'DELETE' })
  const after = await bodyOf(await server.send(`/v1/executions/${held.id}/wait?timeoutMs=10000`))
  expect(after).toMatchObject({ done: true, execution: { state: 'succeeded' } })
})
