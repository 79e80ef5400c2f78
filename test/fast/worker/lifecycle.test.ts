import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { artifactFiles } from '../../../src/artifacts/files.ts'
import { DatabaseError, NetworkError } from '../../../src/errors/failures.ts'
import type { WorkerProtocol } from '../../../src/protocol/protocol.ts'
import { World } from './world.ts'

const input = z.object({ ms: z.number().default(0) })
let world: World
afterEach(() => world.close())

/** Works for the time that its input says, and ends when it is told to. */
const sleeping = action({
  name: 'sleeping',
  version: 1,
  input,
  run: ({ input, signal }) => world.clock.sleep(input.ms, signal),
})

const stubborn = action({ name: 'stubborn', version: 1, input, run: ({ input }) => world.clock.sleep(input.ms) })

/** Waits for a promise while time passes. */
async function passing<T>(promise: Promise<T>): Promise<T> {
  let isDone = false
  const settled = (): void => {
    isDone = true
  }
  promise.then(settled, settled)
  for (let timers = 0; !isDone && timers < 500; timers += 1) await world.clock.runNext()
  return await promise
}

test('CP-001d a stop claims nothing more, drains what ends in time, hands the rest back without an attempt, signs off last', async () => {
  world = await World.open(sleeping)
  const worker = world.worker()
  await worker.start()
  const short = await world.submit(sleeping, { ms: 3_000 })
  const long = await world.submit(sleeping, { ms: 300_000 })
  await world.reach(long, 'running')
  world.given.length = 0
  const stopped = passing(worker.stop({ graceMs: 25_000, abortMs: 1_000 }))
  const late = await world.submit(sleeping)
  expect(await stopped).toEqual({ abandoned: [] })
  expect((await world.find(short)).state).toBe('succeeded')
  expect(await world.find(long)).toMatchObject({ state: 'queued', attempt: 1 })
  // The claim that stood at the stop may still bring work: it goes back unseen.
  expect((await world.find(late)).state).toBe('queued')
  const said = world.given.map((order) => (order.kind === 'work' ? order.command.type : order.kind))
  expect(said.filter((each) => each !== 'admit' && each !== 'claim' && each !== 'listen')).toEqual([
    'hand_back',
    'succeed',
    'heartbeat',
    'heartbeat',
    'hand_back',
    'sign_off',
  ])
  await world.worker().start()
  expect(await world.reach(long)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await world.reach(late)).toMatchObject({ state: 'succeeded', attempt: 1 })
})

test('a handler that ignores the abort does not block the stop, and is not called dead while it lives', async () => {
  world = await World.open(stubborn)
  const worker = world.worker()
  await worker.start()
  const id = await world.submit(stubborn, { ms: 10_000_000 })
  await world.reach(id, 'running')
  world.given.length = 0
  const { abandoned } = await passing(worker.stop({ graceMs: 1_000, abortMs: 1_000 }))
  expect(abandoned).toHaveLength(1)
  expect((await world.find(id)).state).toBe('running')
  expect(world.given.some(({ kind }) => kind === 'sign_off')).toBe(false)
})

test('CP-004b REL-07 a worker that lost its lease is told to abort, and nothing it says is taken', async () => {
  const reasons: unknown[] = []
  let runs = 0
  const losing = action({
    name: 'losing',
    version: 1,
    input,
    async run({ signal, step }) {
      const isFirst = ++runs === 1
      if (!isFirst) return { by: 'second' }
      await world.clock.sleep(40_000)
      await step('late', () => 1).catch((error: unknown) => reasons.push(error))
      reasons.push(signal.reason)
      return { by: 'first' }
    },
  })
  world = await World.open(losing)
  const frozen: WorkerProtocol = {
    ...world.protocol,
    heartbeat: () => Promise.reject(new NetworkError('frozen')),
  }
  await world.worker({ protocol: frozen, slots: 1 }).start()
  const id = await world.submit(losing)
  await world.reach(id, 'running')
  await world.clock.advance(31_000)
  await world.orders.give<'sweep'>({ kind: 'sweep' })
  await world.worker().start()
  await world.reach(id)
  await world.clock.advance(20_000)
  expect(await world.result(id)).toEqual({ by: 'second' })
  expect(reasons).toMatchObject([{ errorClass: 'LeaseLost' }, { errorClass: 'LeaseLost' }])
  expect((await world.events(id)).filter(({ type }) => type === 'succeed')).toHaveLength(1)
})

test('REL-06a a lost reply repeats the settling, never the handler, and changes nothing twice', async () => {
  let runs = 0
  const counting = action({ name: 'counting', version: 1, input, run: () => ({ run: ++runs }) })
  world = await World.open(counting)
  const { protocol } = world
  let lost = 0
  const lossy: WorkerProtocol = {
    ...protocol,
    async work(worker, id, command) {
      const answer = await protocol.work(worker, id, command)
      if (command.type === 'succeed' && ++lost <= 3) throw new NetworkError('the reply was lost')
      return answer
    },
  }
  await world.worker({ protocol: lossy }).start()
  const id = await world.submit(counting)
  await world.reach(id)
  await world.clock.advance(60_000)
  expect([runs, lost]).toEqual([1, 4])
  expect((await world.events(id)).map(({ type }) => type)).toEqual(['enqueue', 'claim', 'succeed'])
})

test('a worker whose incarnation was declared gone signs on again and goes on', async () => {
  world = await World.open(sleeping)
  await world.worker().start()
  await world.orders.give<'gone'>({ kind: 'gone', worker: 1, proof: 'a mistake', cause: 'exit' })
  const id = await world.submit(sleeping)
  expect((await world.reach(id)).state).toBe('succeeded')
  expect((await world.workers()).map(({ goneAt }) => goneAt === null)).toEqual([false, true])
})

test('an unreachable server is asked again with growing pauses, not in a tight loop', async () => {
  world = await World.open(sleeping)
  let asked = 0
  const { protocol } = world
  const deaf: WorkerProtocol = {
    ...protocol,
    claim: () => {
      asked += 1
      return Promise.reject(new NetworkError('down'))
    },
  }
  await world.worker({ protocol: deaf }).start()
  await world.clock.advance(60_000)
  expect(asked).toBeGreaterThan(5)
  expect(asked).toBeLessThan(60)
})

test('no more runs than slots at a time', async () => {
  let atOnce = 0
  let most = 0
  const counted = action({
    name: 'counted',
    version: 1,
    input,
    async run() {
      most = Math.max(most, ++atOnce)
      await world.clock.sleep(1_000)
      atOnce -= 1
    },
  })
  world = await World.open(counted)
  await world.worker({ slots: 3 }).start()
  const ids: number[] = []
  for (let each = 0; each < 10; each += 1) ids.push(await world.submit(counted))
  for (const id of ids) expect((await world.reach(id)).state).toBe('succeeded')
  expect(most).toBe(3)
})

test('an artifact is on disk under its hash before it is on record, and a replay gives the recorded one', async () => {
  const seen: unknown[] = []
  const printing = action({
    name: 'printing',
    version: 1,
    input,
    async run({ artifact }) {
      seen.push(await artifact('quote.txt', `version ${seen.length}`, 'application/octet-stream'))
      if (seen.length === 1) throw new NetworkError()
    },
  })
  world = await World.open(printing)
  await world.worker({ artifacts: artifactFiles({ dataDir: world.folder, unique: () => 'one', now: () => 0 }) }).start()
  const id = await world.submit(printing)
  await world.reach(id)
  const [artifact] = await world.artifacts(id)
  expect(seen).toMatchObject([{ sha256: artifact?.sha256 }, { sha256: artifact?.sha256 }])
  expect(readFileSync(join(world.folder, artifact?.path ?? ''), 'utf8')).toBe('version 0')
})

test('progress is coalesced: while one report is under way, only the newest of the others is sent', async () => {
  const counting = action({
    name: 'progressing',
    version: 1,
    input,
    run({ progress }) {
      for (let done = 0; done <= 100; done += 1) void progress({ done, total: 100 })
    },
  })
  world = await World.open(counting)
  await world.worker().start()
  const id = await world.submit(counting)
  await world.reach(id)
  const told = (await world.events(id)).filter(({ type }) => type === 'progress')
  expect(told.map((event) => event.data?.progress)).toEqual(['{"done":0,"total":100}', '{"done":100,"total":100}'])
})

test('a command that the store can never take is given up, so that the run ends as a failure and not never', async () => {
  const recording = action({ name: 'recording', version: 1, input, run: ({ step }) => step('cursed', () => 1) })
  world = await World.open(recording)
  const { protocol } = world
  const cursed: WorkerProtocol = {
    ...protocol,
    work: (worker, id, command) =>
      command.type === 'record_step'
        ? Promise.reject(new DatabaseError('constraint failed'))
        : protocol.work(worker, id, command),
  }
  await world.worker({ protocol: cursed }).start()
  const id = await world.submit(recording)
  expect(await world.reach(id)).toMatchObject({ state: 'failed', lastErrorClass: 'DatabaseError', attempt: 3 })
  expect(world.logged.filter((line) => line.includes('No answer to record_step')).length).toBeLessThan(20)
})

test('a worker that claims an execution again waits for its own older run: nothing runs beside it', async () => {
  let atOnce = 0
  let most = 0
  const overlapping = action({
    name: 'overlapping',
    version: 1,
    input,
    async run() {
      most = Math.max(most, ++atOnce)
      await world.clock.sleep(50_000)
      atOnce -= 1
      return {}
    },
  })
  world = await World.open(overlapping)
  let beats = 0
  const deaf: WorkerProtocol = {
    ...world.protocol,
    heartbeat: (beat) => (++beats < 20 ? Promise.reject(new NetworkError('cut')) : world.protocol.heartbeat(beat)),
  }
  await world.worker({ protocol: deaf }).start()
  const id = await world.submit(overlapping)
  await world.reach(id, 'running')
  await world.clock.advance(31_000)
  await world.orders.give<'sweep'>({ kind: 'sweep' })
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect((await world.events(id)).filter(({ type }) => type === 'claim')).toHaveLength(2)
  expect(most).toBe(1)
})
