import { expect, test } from 'vitest'
import { connect } from '../../../src/client.ts'
import { bodyOf, serving } from './serving.ts'

const large = 'x'.repeat(20_000)

test('SE-36 a large result is downloaded by whoever waits for it, over HTTP and in the process', async () => {
  await using server = await serving()
  const client = connect({
    url: 'http://pawl',
    token: server.adminToken,
    fetch: (url, init) => Promise.resolve(server.app.request(new Request(url, init))),
  })
  const { id } = await client.submit({ action: 'demo.echo', input: { text: large } })
  expect(await client.result(id)).toEqual({ text: large })
  expect(await server.pawl.result(id)).toEqual({ text: large })
  expect(await client.get(id)).toMatchObject({ result: { artifact: 'result', mediaType: 'application/json' } })
  const { content, ...download } = await client.artifact(id, 'result')
  expect(download).toMatchObject({ name: 'result', mediaType: 'application/json', bytes: 20_011 })
  expect(JSON.parse(await new Response(content).text())).toEqual({ text: large })
  await expect(client.artifact(id, 'other')).rejects.toMatchObject({ code: 'not_found' })
  // What only looks like a reference is the handler's own value.
  const lookalike = await client.submit({ action: 'demo.echo', input: { text: 'result', sha256: 'a'.repeat(64) } })
  expect(await client.result(lookalike.id)).toEqual({ text: 'result', artifact: 'result', sha256: 'a'.repeat(64) })
})

test('CP-006 what a handler says is shown by line and level, and in the trace', async () => {
  await using server = await serving()
  const { id } = await bodyOf(
    await server.send('/v1/executions', { body: { action: 'demo.echo', input: { text: 'hi' }, waitMs: 10_000 } }),
  )
  const path = `/v1/executions/${id}/logs`
  const { items } = (await bodyOf(await server.send(path))) as { items: { seq: number; message: string }[] }
  expect(items.map(({ seq, message }) => [seq, message])).toEqual([
    [1, 'echoes'],
    [2, 'is slow'],
  ])
  expect(await bodyOf(await server.send(`${path}?after=1`))).toMatchObject({ items: [{ seq: 2, level: 'warn' }] })
  expect(await bodyOf(await server.send(`${path}?level=error`))).toMatchObject({ items: [] })
  expect((await server.send(`${path}?level=loud`)).status).toBe(422)
  expect(await bodyOf(await server.send(`/v1/executions/${id}/trace`))).toMatchObject({
    logs: [{ message: 'echoes', fields: { length: 2 } }, { message: 'is slow' }],
  })
})

test('SE-36 a sweep is asked for by whoever operates, and says what it would delete', async () => {
  await using server = await serving()
  expect(await bodyOf(await server.send('/v1/artifacts/sweep', { body: { dryRun: true } }))).toEqual({
    looked: 0,
    deleted: 0,
    bytes: 0,
  })
  const viewer = await server.tokenOf('viewer')
  const headers = { authorization: `Bearer ${viewer}` }
  expect((await server.send('/v1/artifacts/sweep', { body: {}, headers })).status).toBe(403)
})

test('SE-36 a name cannot end the header that carries it', async () => {
  await using server = await serving()
  const body = { action: 'demo.write', input: { text: 'x', name: `a"b';\r\nx: y(*)ü.txt` }, waitMs: 10_000 }
  const { id } = await bodyOf(await server.send('/v1/executions', { body }))
  const file = await server.send(`/v1/executions/${id}/artifacts/${encodeURIComponent(`a"b';\r\nx: y(*)ü.txt`)}`)
  expect(file.headers.get('content-disposition')).toBe(
    "attachment; filename*=UTF-8''a%22b%27%3B%0D%0Ax%3A%20y%28%2a%29%C3%BC.txt",
  )
  expect(file.headers.get('content-length')).toBe('1')
  expect(await file.text()).toBe('x')
})
