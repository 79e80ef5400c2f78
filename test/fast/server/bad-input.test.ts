import fc from 'fast-check'
import { expect, test } from 'vitest'
import { commands } from '../../../src/commands/table.ts'
import { isCode } from '../../../src/errors/codes.ts'
import { workerRoutes } from '../../../src/protocol/routes.ts'
import { bodyOf, serving } from './serving.ts'

const posts = commands.filter(({ http }) => http.method === 'POST').map(({ http }) => http.path)
const reads = commands.filter(({ http }) => http.method !== 'POST')

const nasty: readonly unknown[] = [
  '',
  '{',
  '[]',
  'null',
  '1',
  '"text"',
  '{"a":1}x',
  'NaN',
  '{"input":NaN}',
  '{"input":1e999}',
  '\u0000',
  '{"input":"\\ud800"}',
  '{"__proto__":{"role":"admin"}}',
  '{"constructor":{"prototype":{}}}',
  '{"refused":true,"code":"internal","reason":"x"}',
  '{"action":"demo.add","input":{"refused":true,"code":"internal","reason":"x"}}',
  `{"input":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  `{"input":"${'x'.repeat(300_000)}"}`,
  { action: 'demo.add', input: { a: 1 }, delay: 'soon' },
  { action: 'demo.add', input: { a: 1 }, delay: 1e300 },
  { action: 'demo.add', input: { a: 1 }, delay: -1 },
  { action: 'demo.add', input: { a: 1 }, runAt: '9999-99-99' },
  { action: 'demo.add', input: { a: 1 }, runAt: 8.64e15 + 1 },
  { action: 'demo.add', input: { a: 1 }, priority: 1e9 },
  { action: 'demo.add', input: { a: 1 }, priority: 0.5 },
  { action: 'demo.add', input: { a: 1 }, key: 'k'.repeat(256) },
  { action: 'demo.add', input: { a: 1 }, key: '' },
  { action: 'demo.add', input: { a: 1 }, role: 'admin' },
  { action: '__proto__', input: {} },
  { action: 'demo.add', version: 1e15, input: {} },
  { action: 'demo.add' },
  { executions: [] },
  { executions: [null] },
  { verdict: 'happened', reason: 'r', value: null },
]

const body = fc.oneof(
  fc.constantFrom(...nasty.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)))),
  fc.json(),
  fc.string(),
  fc
    .record(
      {
        action: fc.oneof(fc.constant('demo.add'), fc.string()),
        input: fc.oneof(fc.jsonValue(), fc.record({ a: fc.integer() })),
        key: fc.string(),
        reason: fc.oneof(fc.string(), fc.integer()),
        delay: fc.oneof(fc.string(), fc.double()),
        runAt: fc.oneof(fc.string(), fc.double()),
        priority: fc.double(),
        ifVersion: fc.oneof(fc.integer(), fc.string()),
        name: fc.string(),
        role: fc.string(),
        worker: fc.double(),
        id: fc.double(),
        command: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
)

const segment = fc.oneof(
  fc.constantFrom('%', '%ff', '%00', '..', '00000000-0000-8000-8000-000000000000', '__proto__'),
  fc.string(),
)

async function expectRefusalOrAnswer(response: Response): Promise<void> {
  expect(response.status).toBeLessThan(500)
  if (response.status < 400) {
    await response.body?.cancel()
    return
  }
  const problem = await bodyOf(response)
  expect(isCode(String(problem.code)) && String(problem.next).length > 0 && String(problem.detail).length > 0).toBe(
    true,
  )
}

test('bad input to any POST route is a refusal with code and next step, and never status 500', {
  timeout: 60_000,
}, async () => {
  await using server = await serving({ slots: 0 })
  const paths = [...posts, ...workerRoutes(server.pawl.engine.protocol).map(({ path }) => path)]
  const headers = fc.record(
    {
      'idempotency-key': fc.stringMatching(/^[ -~]{0,300}$/),
      prefer: fc.stringMatching(/^[ -~]{0,20}$/),
      'if-match': fc.stringMatching(/^[ -~]{0,20}$/),
    },
    { requiredKeys: [] },
  )
  for (const path of paths) {
    // Waiting for work, and for an end that does not come, is what these two do with good input.
    await fc.assert(
      fc.asyncProperty(body, segment, headers, async (text, part, more) => {
        const place = path.replaceAll(/\{\w+\}/g, encodeURIComponent(part.toWellFormed()) || '-')
        await expectRefusalOrAnswer(
          await server.send(place, { method: 'POST', body: text, headers: { ...more, prefer: '' } }),
        )
      }),
      { numRuns: 150 },
    )
  }
  expect((await server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 1 } } })).status).toBe(201)
})

test('bad queries, cursors and paths are refusals too', { timeout: 60_000 }, async () => {
  await using server = await serving({ slots: 0 })
  const query = fc.dictionary(
    fc.oneof(
      fc.constantFrom('limit', 'cursor', 'after', 'query', 'state', 'since', 'inDoubt', 'version', 'timeoutMs'),
      fc.string(),
    ),
    fc.oneof(fc.constantFrom('-1', '1e9', '99999999999999999999', 'true', '%', 'null', ''), fc.string()),
    { maxKeys: 3 },
  )
  for (const { http } of reads) {
    await fc.assert(
      fc.asyncProperty(query, segment, async (search, part) => {
        const place = http.path.replaceAll(/\{\w+\}/g, encodeURIComponent(part.toWellFormed()) || '-')
        const parameters = new URLSearchParams(
          Object.entries(search).map(([name, value]): [string, string] => [name.toWellFormed(), value.toWellFormed()]),
        )
        await expectRefusalOrAnswer(await server.send(`${place}?${parameters.toString()}`, { method: http.method }))
      }),
      { numRuns: 60 },
    )
  }
})

test.each([
  ['{"a":', 400, 'invalid_json'],
  [`{"action":"demo.add","input":${'['.repeat(200)}${']'.repeat(200)}}`, 422, 'input_too_deep'],
  [`{"action":"demo.add","input":"${'x'.repeat(300 * 1024)}"}`, 413, 'input_too_large'],
  ['{"action":"demo.add","input":{"__proto__":1}}', 422, 'forbidden_key'],
  ['{"action":"demo.add","input":"\\ud800"}', 422, 'invalid_string'],
  ['{"action":"demo.add","input":1e999}', 422, 'invalid_number'],
  ['{"action":"none","input":{}}', 404, 'unknown_action'],
  ['{"action":"demo.add","input":{"a":"x"}}', 422, 'invalid_input'],
  ['{"action":"demo.add","input":{"a":1},"delay":"100000d"}', 422, 'invalid_delay'],
  ['{"action":"demo.add","input":{"a":1},"requestedBy":"human:root"}', 422, 'computed_field_submitted'],
] as const)('a submission of %.60s is refused, and nothing is written', async (text, status, code) => {
  await using server = await serving({ slots: 0 })
  const response = await server.send('/v1/executions', { method: 'POST', body: text })
  expect([response.status, (await bodyOf(response)).code]).toEqual([status, code])
  expect((await bodyOf(await server.send('/v1/executions'))).items).toEqual([])
})
