import { expect, test } from 'vitest'
import { z } from 'zod'
import { computedOfRequest } from '../../../src/action/computed.ts'
import { isRefusal, Refused } from '../../../src/errors/refusal.ts'
import { action, type Pawl, type SubmitRequest } from '../../../src/pawl.ts'
import { bodyOf, serving } from './serving.ts'

/** Prices, level and route follow from the quote alone. */
const price = action({
  name: 'quote.price',
  version: 1,
  input: z.looseObject({ quoteId: z.string() }),
  computed: ['total', 'discount', 'level', 'approvers', 'route', 'lines.*.price'],
  run: ({ input }) => ({ total: input.quoteId.length }),
})

const given = { quoteId: 'Q-1' }
/** One input for each field that the action computes: with a value, and with none. */
const inputs: Readonly<Record<string, unknown>> = {
  total: { ...given, total: 6 },
  'total of null': { ...given, total: null },
  discount: { ...given, discount: 0.1 },
  level: { ...given, level: 'auto' },
  approvers: { ...given, approvers: [] },
  route: { ...given, route: 'fast' },
  'lines.*.price': { ...given, lines: [{ sku: 'a' }, { sku: 'b', price: 1 }] },
}
const requests: readonly SubmitRequest[] = [
  ...Object.values(inputs).map((input) => ({ action: 'quote.price', input })),
  ...computedOfRequest.map((field) => ({ action: 'quote.price', input: given, [field]: 1 })),
]

const codeOf = async (asked: Promise<unknown>): Promise<string> => {
  try {
    const answer = await asked
    return isRefusal(answer) ? answer.code : 'taken'
  } catch (thrown) {
    if (thrown instanceof Refused) return thrown.code
    throw thrown
  }
}

/** Whoever sends it, and by whichever way: over HTTP one or many, as a schedule, in the program, as a task, as a child. */
test('REL-06c a submitted total, discount, level, approver or route is refused, for each field over each channel and whoever sends it', async () => {
  const parent = action({
    name: 'quote.parent',
    version: 1,
    input: z.number(),
    retry: { maxAttempts: 1 },
    run: ({ input, child }) => child('price', requests[input] as SubmitRequest),
  })
  await using server = await serving({ slots: 1, more: [price, parent] })
  const { pawl } = server as unknown as { pawl: Pawl<readonly (typeof price | typeof parent)[]> }
  const post = async (path: string, body: unknown, token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    return bodyOf(await server.send(path, { body, headers }))
  }
  const tokens = [server.adminToken, await server.tokenOf('submitter'), await server.tokenOf('agent')]
  const agent = pawl.as({ principal: 'agent:inside', tenant: 'default', role: 'agent' })
  const refused: Record<string, number> = {}
  const expectRefused = (channel: string, code: unknown, request: SubmitRequest): void => {
    expect([channel, code, request]).toEqual([channel, 'computed_field_submitted', request])
    refused[channel] = (refused[channel] ?? 0) + 1
  }
  for (const [index, request] of requests.entries()) {
    for (const token of tokens) {
      expectRefused('HTTP', (await post('/v1/executions', request, token)).code, request)
      const many = await post('/v1/executions/batch', { executions: [request] }, token)
      const [first] = (many.items ?? []) as { problem?: { code: string } }[]
      expectRefused('HTTP, many', many.code ?? first?.problem?.code, request)
    }
    const { action: name, ...rest } = request
    const timetable = { name: `s${index}`, cron: '0 0 * * *', action: name, ...rest }
    expectRefused('schedule', (await post('/v1/schedules', timetable, server.adminToken)).code, request)
    for (const [who, api] of Object.entries({ program: pawl, agent })) {
      expectRefused(who, await codeOf(api.submit(request as never)), request)
      expectRefused(`${who}, tried`, await codeOf(api.trySubmit(request as never)), request)
      expectRefused(`${who}, many`, await codeOf(api.submitMany([request as never]).then(([one]) => one)), request)
    }
    expectRefused('task', await codeOf(pawl.tasks().enqueue(request)), request)
    const family = await pawl.submit({ action: 'quote.parent', input: index })
    const ended = await pawl.ended(family.id)
    expectRefused('child', ended.lastError?.split(':')[0], request)
  }
  expect(new Set(Object.values(refused))).toEqual(new Set([requests.length, requests.length * tokens.length]))
  const found = await pawl.list({ action: 'quote.price' })
  expect(found.items).toEqual([])
})
