/** What a run leaves beside its events: log lines, and a result too large for its row. */
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { wholeOf } from '../../../src/artifacts/content.ts'
import { artifactMemory } from '../../../src/artifacts/memory.ts'
import { NetworkError } from '../../../src/errors/failures.ts'
import { canonicalize } from '../../../src/json/canonical.ts'
import { sha256 } from '../../../src/json/hash.ts'
import { World } from './world.ts'

const input = z.object({})
let world: World
afterEach(() => world.close())
const logOrders = () => world.given.filter((order) => order.kind === 'work' && order.command.type === 'log')

test('CP-006 what a handler says is kept with its execution, masked, in order over all attempts', async () => {
  const talking = action({
    name: 'talking',
    version: 1,
    input,
    secrets: ['KEY'],
    run({ log, attempt, secrets }) {
      log('debug', 'not kept')
      log('looking', { attempt, key: secrets.KEY })
      log('warn', `the key is ${secrets.KEY}`)
      if (attempt === 1) throw new NetworkError()
    },
  })
  world = await World.open(talking)
  await world.worker({ secrets: async () => ({ KEY: 'hunter2-secret' }) }).start()
  const id = await world.submit(talking)
  await world.reach(id)
  const lines = await world.logs(id)
  expect(lines.map(({ seq, level, message }) => [seq, level, message.replace('*', '')])).toMatchObject([
    [1, 'info', 'looking'],
    [2, 'warn', expect.not.stringContaining('hunter2')],
    [3, 'info', 'looking'],
    [4, 'warn', expect.not.stringContaining('hunter2')],
  ])
  expect(lines[2]?.fields).not.toContain('hunter2')
  expect(JSON.parse(lines[2]?.fields ?? '')).toMatchObject({ attempt: 2 })
  expect(lines[2]?.fence).toBeGreaterThan(lines[0]?.fence ?? 0)
  // One message for each attempt, on its way with the settling.
  expect(logOrders()).toHaveLength(2)
})

test('CP-006 a run that is taken up after a wait or a failure does not repeat what it has said', async () => {
  const stages = action({
    name: 'stages',
    version: 1,
    input,
    async run({ log, step, sleep, attempt }) {
      log('begins')
      await step('first', () => 1)
      log('after the first')
      await sleep('night', '70s')
      log('after the night')
      await step('second', () => 2)
      log(`at the end of attempt ${attempt}`)
      if (attempt === 1) throw new NetworkError()
    },
  })
  world = await World.open(stages)
  await world.worker().start()
  const id = await world.submit(stages)
  await world.reach(id)
  expect((await world.logs(id)).map(({ message }) => message)).toEqual([
    'begins',
    'after the first',
    'after the night',
    'at the end of attempt 1',
    'at the end of attempt 2',
  ])
})

test('CP-006 after a lost worker everything is said again, for its last lines may be lost with it', async () => {
  let isHanging = true
  const hanging = action({
    name: 'hanging',
    version: 1,
    input,
    async run({ log, step }) {
      log('begins')
      await step('first', () => 1)
      log('after the first')
      if (isHanging) await new Promise(() => {})
    },
  })
  world = await World.open(hanging)
  await world.worker().start()
  const id = await world.submit(hanging)
  await world.reach(id, 'running')
  await world.clock.advance(10)
  isHanging = false
  await world.orders.give<'gone'>({
    kind: 'gone',
    worker: (await world.find(id)).worker ?? 0,
    proof: 'test',
    cause: 'exit',
  })
  await world.worker().start()
  await world.reach(id)
  expect((await world.logs(id)).map(({ message }) => message)).toEqual(['begins', 'after the first'])
})

test('CP-006 lines are sent within a second while the handler goes on', async () => {
  const pausing = action({
    name: 'pausing',
    version: 1,
    input,
    async run({ log, signal }) {
      log('begins')
      await world.clock.sleep(20_000, signal)
      log('goes on')
    },
  })
  world = await World.open(pausing)
  await world.worker().start()
  const id = await world.submit(pausing)
  await world.clock.advance(1_001)
  expect((await world.logs(id)).map(({ message }) => message)).toEqual(['begins'])
  expect((await world.find(id)).state).toBe('running')
  await world.reach(id)
  expect(await world.logs(id)).toHaveLength(2)
})

test('CP-006 one execution keeps 1,000 lines and 256 KiB; one line counts the rest, however the messages come in', async () => {
  const chatty = action({
    name: 'chatty',
    version: 1,
    input: z.object({ lines: z.number(), size: z.number() }),
    run({ input: { lines, size }, log }) {
      for (let line = 1; line <= lines; line += 1) log(`${line} `.padEnd(size, 'x'))
    },
  })
  world = await World.open(chatty)
  await world.worker().start()
  const many = await world.submit(chatty, { lines: 1_234, size: 1 })
  await world.reach(many)
  await world.clock.advance(1)
  const lines = await world.logs(many)
  expect(lines).toHaveLength(1_001)
  expect(lines.at(-1)).toMatchObject({ level: 'warn', dropped: 234, line: 1_234 })
  expect(lines.at(-1)?.message).toMatch(/^234 more lines were dropped/)
  const large = await world.submit(chatty, { lines: 300, size: 4_000 })
  await world.reach(large)
  await world.clock.advance(1)
  const kept = await world.logs(large)
  expect(kept.at(-1)).toMatchObject({ seq: 66, dropped: 235 })
  expect(kept.at(-1)?.bytes).toBe(65 * 4_000)

  // A message whose reply was lost is sent again, and changes nothing.
  for (const order of logOrders()) await world.orders.give(order)
  expect(await world.logs(many)).toEqual(lines)
  expect(await world.logs(large)).toEqual(kept)
})

test('CP-006 a claim that was overtaken adds nothing to the log of its successor', async () => {
  const quiet = action({ name: 'quiet', version: 1, input, run: ({ log }) => log('one') })
  world = await World.open(quiet)
  await world.worker().start()
  const id = await world.submit(quiet)
  await world.reach(id)
  await world.clock.advance(1)
  const [order] = logOrders()
  if (order?.kind !== 'work') throw new Error('a line was sent')
  const lines = [{ at: 1, level: 'info' as const, message: 'late', fields: null, line: 9 }]
  await world.orders.give({ ...order, command: { type: 'log', fence: order.command.fence - 1, said: 9, lines } })
  expect((await world.logs(id)).map(({ message }) => message)).toEqual(['one'])
})

test.each([
  [10_240, true],
  [10_241, false],
])(
  'SE-36 a result of %i bytes lies in its row: %s; a larger one is an artifact under its hash',
  async (bytes, isInline) => {
    const large = action({ name: 'large', version: 1, input, run: () => ({ text: 'x'.repeat(bytes - 11) }) })
    world = await World.open(large)
    const artifacts = artifactMemory({ now: () => world.clock.now() })
    await world.worker({ artifacts }).start()
    const id = await world.submit(large)
    await world.reach(id)
    const whole = canonicalize({ text: 'x'.repeat(bytes - 11) }) as string
    expect(Buffer.byteLength(whole)).toBe(bytes)
    const ref = { artifact: 'result', sha256: sha256(whole), bytes, mediaType: 'application/json' }
    expect(await world.result(id)).toEqual(isInline ? JSON.parse(whole) : ref)
    expect(await world.artifacts(id)).toMatchObject(
      isInline ? [] : [{ name: 'result', sha256: sha256(whole), bytes, mediaType: 'application/json' }],
    )
    const content = await artifacts.get({ sha256: sha256(whole) })
    if (!isInline && content !== null) expect((await wholeOf(content)).toString()).toBe(whole)
  },
)

test('SE-36 a stream is stored in pieces and once; a replay is given the record and lets its stream go', async () => {
  let pulled = 0
  const destroyed: number[] = []
  const streaming = action({
    name: 'streaming',
    version: 1,
    input,
    async run({ artifact, attempt }) {
      async function* pieces() {
        for (let piece = 0; piece < 100; piece += 1) {
          pulled += 1
          yield Buffer.alloc(64 * 1024, piece)
        }
      }
      const source = Object.assign(pieces(), { destroy: () => destroyed.push(attempt) })
      const stored = await artifact('big.bin', source, 'application/octet-stream')
      if (attempt === 1) throw new NetworkError()
      return stored
    },
  })
  world = await World.open(streaming)
  await world.worker({ artifacts: artifactMemory({ now: () => world.clock.now() }) }).start()
  const id = await world.submit(streaming)
  expect((await world.reach(id)).state).toBe('succeeded')
  expect([pulled, destroyed]).toEqual([100, [2]])
  expect(await world.result(id)).toMatchObject({ name: 'big.bin', bytes: 100 * 64 * 1024 })
})
