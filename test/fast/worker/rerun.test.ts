import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action, createPawl, type EventView, isRefusal, type Refused } from '../../../src/pawl.ts'

const keys: string[] = []
const write = action({
  name: 'demo.write',
  version: 1,
  input: z.object({ text: z.string() }),
  subject: ({ text }) => `text:${text}`,
  async run({ input, random, effect }) {
    await effect('write', {
      target: 'keyed',
      do: ({ effectKey }) => {
        keys.push(effectKey)
        return null
      },
    })
    return { text: input.text, dice: random() }
  },
})

const open = () => createPawl({ store: 'sqlite::memory:', actions: [write], settings: { pollMs: 20 } })
let pawl: Awaited<ReturnType<typeof open>>
beforeEach(async () => {
  keys.length = 0
  pawl = await open()
})
afterEach(() => pawl.stop({ graceMs: 100 }))

const request = { action: 'demo.write', input: { text: 'a' }, key: 'K' } as const

test('SE-27 a rerun is a new execution with the next generation of the key, the same seed and effects of its own', async () => {
  await pawl.start()
  const first = await pawl.submit(request)
  const result = await pawl.result(first)
  const again = await pawl.rerun(first.id, { reason: 'new prices' })
  expect(again).toMatchObject({
    rerunOf: first.id,
    idempotencyKey: 'K',
    generation: 2,
    subject: 'text:a',
    seed: first.seed,
  })
  expect(await pawl.result(again.id)).toEqual(result)
  expect(new Set(keys).size).toBe(2)
  const third = await pawl.rerun(first.id, { seed: 'other' })
  expect(third).toMatchObject({ generation: 3, seed: 'other', inputHash: first.inputHash })
  expect(await pawl.result(third.id)).not.toEqual(result)
  const { items } = await pawl.list({ query: `rerun-of:${first.id}` })
  expect(items.map(({ id }) => id)).toEqual([third.id, again.id])
  const events: EventView[] = []
  for await (const event of pawl.watch(first.id)) events.push(event)
  expect(
    events.filter(({ type }) => type === 'rerun_requested').map(({ data, principal }) => [data, principal]),
  ).toEqual([
    [{ rerun: again.id, reason: 'new prices' }, 'service:embedded'],
    [{ rerun: third.id }, 'service:embedded'],
  ])
})

test('SE-27 only what has ended is run again, and only while no newer generation is under way', async () => {
  const first = await pawl.submit(request)
  const code = async (id: string) =>
    pawl.rerun(id).then(
      () => 'ok',
      (thrown: Refused) => thrown.code,
    )
  expect(await code(first.id)).toBe('illegal_transition')
  await pawl.cancel(first.id)
  const second = await pawl.rerun(first.id)
  expect(await code(first.id)).toBe('rerun_underway')
  await pawl.cancel(second.id)
  expect(await code(first.id)).toBe('ok')
  expect(await code('nobody')).toBe('not_found')
})

test('SE-27 a key that was run again is held by its newest generation', async () => {
  const first = await pawl.submit(request)
  await pawl.cancel(first.id)
  const second = await pawl.rerun(first.id)
  const replayed = await pawl.submit(request)
  expect({ id: replayed.id, replayed: replayed.replayed }).toEqual({ id: second.id, replayed: true })
})

test('SE-27 work without a key is run again, too', async () => {
  const first = await pawl.submit({ action: 'demo.write', input: { text: 'b' } })
  await pawl.cancel(first.id)
  expect(await pawl.rerun(first.id)).toMatchObject({ rerunOf: first.id, idempotencyKey: null, generation: 2 })
})

test('queries of the embedded library use the grammar of all others, and say where they cannot be read', async () => {
  const one = await pawl.submit(request)
  await pawl.submit({ action: 'demo.write', input: { text: 'b' }, priority: 3 })
  const { items } = await pawl.list({ query: '-priority:>0 created:<1h', subject: 'text:a' })
  expect(items.map(({ id }) => id)).toEqual([one.id])
  const refused = await pawl.list({ query: 'colour:red' }).catch((thrown: Refused) => thrown.refusal)
  expect(isRefusal(refused) && refused.reason).toContain('at character 1')
})
