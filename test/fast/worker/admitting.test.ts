import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action, createPawl, isRefusal, type Refused } from '../../../src/pawl.ts'

const note = action({
  name: 'demo.note',
  version: 1,
  input: z.object({ text: z.string() }),
  queue: { max: 3 },
  run: ({ input }) => input.text,
})

type Opened = Awaited<ReturnType<typeof open>>
const open = (queueMax?: number) =>
  createPawl({ store: 'sqlite::memory:', actions: [note], settings: { pollMs: 20, queueMax } })
let pawl: Opened
afterEach(() => pawl.stop({ graceMs: 100 }))

const submit = (text: string, more: object = {}) => pawl.submit({ action: 'demo.note', input: { text }, ...more })
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (thrown: Refused) => thrown.code,
  )

test('REL-02a supersede replaces what was never claimed, with the next generation, and says by whom', async () => {
  pawl = await open()
  const first = await submit('a', { key: 'K' })
  expect(await codeOf(submit('b', { key: 'K' }))).toBe('idempotency_key_reused')
  const second = await submit('b', { key: 'K', dedupe: 'supersede' })
  expect(second).toMatchObject({ state: 'queued', generation: 2, replayed: false })
  expect(await pawl.get(first.id)).toMatchObject({ state: 'canceled', cancelledBy: 'service:embedded' })
  expect(await pawl.get(second.id)).toMatchObject({ generation: 2, idempotencyKey: 'K' })
  const same = await submit('b', { key: 'K', dedupe: 'supersede' })
  expect([same.id, same.replayed]).toEqual([second.id, true])
  const reasons: (string | null)[] = []
  for await (const { type, reason } of pawl.watch(first.id)) if (type === 'cancel') reasons.push(reason)
  expect(reasons).toEqual(['superseded'])
})

test('REL-02a what has started is replaced by nothing: the first one stands', async () => {
  pawl = await open()
  await pawl.start()
  const first = await submit('a', { key: 'K' })
  await pawl.ended(first.id)
  expect(await codeOf(submit('b', { key: 'K', dedupe: 'supersede' }))).toBe('idempotency_key_reused')
  const again = await submit('a', { key: 'K', dedupe: 'debounce', delay: '1h' })
  expect([again.id, again.replayed]).toEqual([first.id, true])
})

test('REL-02a debounce starts the waiting anew, for the same input too', async () => {
  pawl = await open()
  const first = await submit('a', { key: 'K', dedupe: 'debounce', delay: '1h' })
  const second = await submit('a', { key: 'K', dedupe: 'debounce', delay: '2h' })
  expect(second).toMatchObject({ generation: 2, replayed: false })
  expect((await pawl.get(first.id)).state).toBe('canceled')
  expect(Date.parse(second.availableAt ?? '') - Date.parse(first.availableAt ?? '')).toBeGreaterThan(3_500_000)
})

test('REL-02a dedupe that lacks its key or its delay is refused, and so is replacing what another asked for', async () => {
  pawl = await open()
  expect(await codeOf(submit('a', { dedupe: 'supersede' }))).toBe('invalid_dedupe')
  expect(await codeOf(submit('a', { key: 'K', dedupe: 'debounce' }))).toBe('invalid_dedupe')
  expect(await codeOf(submit('a', { key: 'K', dedupe: 'newest' }))).toBe('invalid_dedupe')
  await submit('a', { key: 'K' })
  const stranger = { principal: 'agent:other', tenant: 'default', role: 'agent' } as const
  const request = { action: 'demo.note', input: { text: 'b' }, key: 'K', dedupe: 'supersede' } as const
  expect(await pawl.as(stranger).trySubmit(request)).toMatchObject({ code: 'not_permitted' })
})

test('SE-27 a full queue refuses with how long to wait; immediate and replaced work is not in its way', async () => {
  pawl = await open()
  for (const text of ['a', 'b', 'c']) await submit(text, { key: text, delay: '1h' })
  const refused = await pawl.trySubmit({ action: 'demo.note', input: { text: 'd' } })
  expect(refused).toMatchObject({ code: 'queue_full', details: { depth: 3, max: 3, retryAfterSeconds: 300 } })
  expect(await codeOf(submit('d', { mode: 'immediate' }))).toBe('ok')
  expect(await codeOf(submit('other', { key: 'a', dedupe: 'supersede' }))).toBe('ok')
  const [first] = (await pawl.list({ query: 'state:queued key:b' })).items
  await pawl.cancel(first?.id ?? '')
  expect(await codeOf(submit('e'))).toBe('ok')
  expect(await codeOf(submit('f'))).toBe('queue_full')
  const elsewhere = { principal: 'service:embedded', tenant: 'other' }
  expect(isRefusal(await pawl.as(elsewhere).trySubmit({ action: 'demo.note', input: { text: 'g' } }))).toBe(false)
})

test('SE-27 the cap of a tenant counts all its queues, and drains with them', async () => {
  pawl = await open(1)
  const first = await submit('a')
  expect(await codeOf(submit('b'))).toBe('queue_full')
  await pawl.start()
  await pawl.ended(first.id)
  expect(await codeOf(submit('b', { delay: '1h' }))).toBe('ok')
  const refused = await pawl.trySubmit({ action: 'demo.note', input: { text: 'c' } })
  expect(refused).toMatchObject({ code: 'queue_full', details: { retryAfterSeconds: 1 } })
})

test('many are one order, answered in their order, each for itself', async () => {
  pawl = await open()
  const request = (text: unknown, key: string) =>
    ({ action: 'demo.note', input: { text: text as string }, key }) as const
  const answers = await pawl.submitMany([request('a', 'A'), request(7, 'B'), request('a', 'A'), request('b', 'A')])
  expect(answers.map((answer) => (isRefusal(answer) ? answer.code : answer.replayed))).toEqual([
    false,
    'invalid_input',
    true,
    'idempotency_key_reused',
  ])
  const many = Array.from({ length: 10_001 }, () => request('a', 'A'))
  expect(await codeOf(pawl.submitMany(many))).toBe('too_many_items')
  expect(await pawl.submitMany([])).toEqual([])
})
