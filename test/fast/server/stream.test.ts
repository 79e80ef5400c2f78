import { expect, test } from 'vitest'
import { connect, Refused } from '../../../src/client.ts'
import { bodyOf, serving } from './serving.ts'

const submission = { action: 'demo.add', input: { a: 4 } }

const sequences = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id))

test('a stream tells every event once and ends with the execution; Last-Event-ID resumes behind it', async () => {
  await using server = await serving()
  const { id } = await bodyOf(await server.send('/v1/executions', { body: submission }))
  const whole = await (await server.send(`/v1/executions/${id}/stream`)).text()
  expect(sequences(whole)).toEqual([1, 2, 3])
  expect(whole.trimEnd().endsWith('event: end\ndata: {}')).toBe(true)
  const rest = await (await server.send(`/v1/executions/${id}/stream`, { headers: { 'last-event-id': '2' } })).text()
  expect(sequences(rest)).toEqual([3])
})

test('a stream that nobody reads any more stops watching', async () => {
  await using server = await serving({ slots: 0 })
  const { id } = await bodyOf(await server.send('/v1/executions', { body: submission }))
  const response = await server.send(`/v1/executions/${id}/stream`)
  const reader = response.body?.getReader()
  await reader?.read()
  await reader?.cancel()
  expect((await server.send(`/v1/executions/${id}`)).status).toBe(200)
})

test('the client submits, watches, waits and gets refusals as Refused', async () => {
  await using server = await serving()
  const token = await server.tokenOf('operator')
  const client = connect({
    url: 'http://pawl.test',
    token,
    fetch: async (input, init) => server.app.request(input as string, init),
  })
  const execution = await client.submit({ ...submission, key: 'K' })
  expect((await client.submit({ ...submission, key: 'K' })).replayed).toBe(true)
  const types: string[] = []
  for await (const { type } of client.watch(execution.id)) types.push(type)
  expect(types).toContain('succeed')
  expect(await client.result(execution.id)).toEqual({ sum: 5 })
  expect((await client.wait(execution.id)).state).toBe('succeeded')
  await expect(client.get('nope')).rejects.toMatchObject({ name: 'Refused', code: 'not_found' })
  await expect(client.cancel(execution.id)).rejects.toBeInstanceOf(Refused)
  const answers = await client.submitMany([submission, { action: 'none', input: 1 }])
  expect(answers.map((answer) => ('refused' in answer ? answer.code : answer.state))).toEqual([
    'queued',
    'unknown_action',
  ])
  expect((await client.list({ action: 'demo.add', limit: 1 })).items).toHaveLength(1)
  expect((await client.ops()).workers).toHaveLength(1)
  const bad = await client.submit({ action: 'demo.wrong', input: {} })
  await expect(client.result(bad.id)).rejects.toThrow('it does not work')
  expect((await client.redrive(bad.id, 'again')).state).toBe('queued')
  const late = await client.submit({ ...submission, delay: '1h' })
  await expect(client.wait(late.id, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'wait_timed_out' })
})

test('CP-007 the first line of ops names what is wrong', async () => {
  await using server = await serving()
  expect(await bodyOf(await server.send('/v1/ops'))).toMatchObject({
    ok: true,
    verdict: expect.stringMatching(/^ok: /),
  })
  await server.send('/v1/executions', { body: { action: 'demo.wrong', input: {}, waitMs: 10_000 } })
  await server.send('/v1/pauses', { body: { subject: 'quote:Q-1', reason: 'r' } })
  const { verdict, depth, recentFailures } = await bodyOf(await server.send('/v1/ops'))
  expect(verdict).toContain('1 failed in the last hour (most: demo.wrong')
  expect(verdict).toContain('paused: subject quote:Q-1')
  expect(depth).toEqual([{ action: 'demo.wrong', state: 'failed', count: 1 }])
  expect(recentFailures).toMatchObject([{ action: 'demo.wrong' }])
})
