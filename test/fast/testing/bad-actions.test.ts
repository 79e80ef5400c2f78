/** What an action can do wrong, from its definition to its end: each is refused or fails with words, and nothing else suffers. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/pawl.ts'
import { testPawl } from '../../../src/testing.ts'

const input = z.any()
const retry = { maxAttempts: 1 }
const secret = 'hunter2-very-secret'

const locking = action({ name: 'bad.locks', version: 1, input, locks: ({ keys }) => keys, run: () => 1 })

test.each([
  ['a key of 10 KB', ['k'.repeat(10_240)], '255 characters, not 10240'],
  ['10,000 keys', Array.from({ length: 10_000 }, (_, n) => `k${n}`), '64 keys at most, not 10000'],
  ['a text', 'web-17', 'a list of keys, not string'],
  ['nothing', null, 'a list of keys, not nothing'],
  ['a number among them', ['a', 7], 'not number'],
  ['half a letter', ['\ud800'], 'surrogate'],
  ['a key of the engine', ['tenant'], 'Pawl counts under those'],
])('SE-24 locks that give %s are refused before anything is admitted', async (_, keys, reason) => {
  await using engine = await testPawl({ actions: [locking] })
  const refused = await engine.pawl.trySubmit({ action: 'bad.locks', input: { keys } })
  expect(refused).toMatchObject({ reason: expect.stringContaining(reason) })
  expect((await engine.pawl.list()).items).toEqual([])
})

test('SE-25 a cycle of children ends at sixteen, and the first one names the last, not all between', async () => {
  const again = (name: string, other: string) =>
    action({
      name,
      version: 1,
      input,
      retry,
      run: async ({ child }) => (await child('next', { action: other, input: {} })).result(),
    })
  await using engine = await testPawl({ actions: [again('bad.ping', 'bad.pong'), again('bad.pong', 'bad.ping')] })
  const { id } = await engine.submit({ action: 'bad.ping', input: {} })
  await engine.untilIdle()
  const { items } = await engine.pawl.list()
  expect(items.map(({ state }) => state)).toEqual(Array.from({ length: 17 }, () => 'failed'))
  const { lastError } = await engine.get(id)
  expect(lastError).toMatch(/^The child \S+ is failed, and below it: The child \S+ is failed: child_too_deep: /)
  expect(lastError?.length).toBeLessThan(250)
})

const thrown = new Map<string, () => unknown>([
  ['undefined', () => undefined],
  ['null', () => null],
  ['no prototype', () => Object.create(null) as unknown],
  [
    'a trap',
    () =>
      new Proxy(
        {},
        {
          get() {
            throw new Error('a trap')
          },
        },
      ),
  ],
])

test.each([...thrown.keys()])(
  'REL-10d a handler that throws %s fails with words, and the next one runs',
  async (what) => {
    const throwing = action({
      name: 'bad.throws',
      version: 1,
      input,
      retry,
      run: ({ input: name }) => {
        if (name !== 'good') throw thrown.get(String(name))?.()
        return 'good'
      },
    })
    await using engine = await testPawl({ actions: [throwing] })
    const { id } = await engine.submit({ action: 'bad.throws', input: what })
    await engine.untilIdle()
    expect(await engine.get(id)).toMatchObject({ state: 'failed', lastError: expect.stringMatching(/thrown/i) })
    expect(await engine.run({ action: 'bad.throws', input: 'good' })).toBe('good')
  },
)

test('SE-34 a secret in the message of an error or a log line stands in no row', async () => {
  const leaking = action({
    name: 'bad.leaks',
    version: 1,
    input,
    retry,
    secrets: ['PASSWORD'],
    run: ({ secrets, log }) => {
      log(`signs in with ${secrets.PASSWORD}`, { password: secrets.PASSWORD })
      throw new Error(`no entry with ${secrets.PASSWORD}`, { cause: new Error(secrets.PASSWORD) })
    },
  })
  await using engine = await testPawl({ actions: [leaking], secrets: { PASSWORD: secret } })
  const { id } = await engine.submit({ action: 'bad.leaks', input: {} })
  await engine.untilIdle()
  const trace = JSON.stringify(await engine.pawl.trace(id))
  expect(trace).toContain('no entry with ***')
  expect(trace).not.toContain(secret)
})

test('DG-06 a plan of 100,000 steps is refused with the limit in its words', async () => {
  const planning = action({
    name: 'bad.plan',
    version: 1,
    input,
    plan: () => ({
      summary: 'many',
      steps: Array.from({ length: 100_000 }, (_, n) => ({ step: 'go', target: `t${n}`, args: {} })),
    }),
    steps: { go: { run: () => 1 } },
  })
  await using engine = await testPawl({ actions: [planning] })
  const { id } = await engine.submit({ action: 'bad.plan', input: {} })
  await engine.untilIdle()
  expect(await engine.get(id)).toMatchObject({ state: 'failed', lastError: expect.stringContaining('at most 10000') })
})
