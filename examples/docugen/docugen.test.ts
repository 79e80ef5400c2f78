import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Queue } from 'bullmq'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { bullmq, deadLetterName, queueName } from '../../src/bullmq.ts'
import { createPawl, isRefusal } from '../../src/pawl.ts'
import { startRedis, type ThrowawayRedis } from '../../test/redis/throwaway.ts'
import { actions, awayTemplate } from './actions.ts'
import type { BundleRequest } from './bundle.ts'

let redis: ThrowawayRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.remove())
beforeEach(() => redis.ask('flushall'))
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pawl-docugen-'))
  closing.push(() => rm(path, { recursive: true, force: true }))
  return path
}

async function begin(slots: number, maxAttempts = 3) {
  const dispatch = bullmq({ url: redis.url })
  const settings = {
    retryPolicy: { maxAttempts, baseMs: 1_000, multiplier: 2, capMs: 60_000, jitter: 'full' as const },
  }
  const pawl = await createPawl({ store: ':memory:', actions, slots, dispatch, settings, dataDir: await folder() })
  closing.push(() => pawl.stop({ graceMs: 100 }))
  await pawl.start()
  return pawl
}

const request = (number: number): BundleRequest => ({
  bundleRunId: `b-${number}`,
  template: `plain-${number % 3}`,
  sections: ['Summary', 'Prices', `Part ${number}`],
})

/** Hashes of the manifests, by bundle. */
async function generate(slots: number, numbers: readonly number[]): Promise<ReadonlyMap<string, string>> {
  const pawl = await begin(slots)
  const answers = await pawl.submitMany(
    numbers.map((number) => ({ action: 'bundle:generate' as const, input: request(number) })),
  )
  const hashes = new Map<string, string>()
  for (const answer of answers) {
    if (isRefusal(answer)) throw new Error(answer.reason)
    const ended = await pawl.ended(answer.id)
    const { manifest, sha256 } = ended.result as { manifest: string; sha256: string }
    hashes.set(manifest, sha256)
  }
  await closing.pop()?.()
  return hashes
}

test('DG-01 DG-02 bundles that run together have the same bytes in whatever order they are queued', async () => {
  const numbers = Array.from({ length: 24 }, (_, index) => index)
  const forwards = await generate(1, numbers)
  await redis.ask('flushall')
  const backwards = await generate(6, numbers.toReversed())
  expect(backwards.size).toBe(24)
  expect([...backwards].sort()).toEqual([...forwards].sort())
  expect(new Set(forwards.values()).size).toBe(24)
})

test('DG-01 DG-01b a bundle that fails rests 5 s, then 10 s, and lies in the queue of dead letters after the last attempt', async () => {
  const pawl = await begin(2)
  const { id } = await pawl.submit({ action: 'bundle:generate', input: { ...request(1), template: awayTemplate } })
  const rests: number[] = []
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    await expect.poll(async () => (await pawl.get(id)).state, { timeout: 10_000 }).toBe('retryable_failed')
    const { availableAt, updatedAt } = await pawl.get(id)
    rests.push(Date.parse(availableAt ?? '') - Date.parse(updatedAt))
    await pawl.retry(id)
    await expect.poll(async () => (await pawl.get(id)).attempt, { timeout: 10_000 }).toBe(attempt + 1)
  }
  expect(rests).toEqual([5_000, 10_000])
  const ended = await pawl.ended(id)
  expect(ended).toMatchObject({ state: 'failed', attempt: 3 })
  const dead = new Queue(deadLetterName('bundle:generate'), { connection: { port: redis.port }, prefix: 'pawl' })
  closing.push(() => dead.close())
  await expect.poll(() => dead.getWaitingCount(), { timeout: 10_000 }).toBe(1)
  expect((await dead.getWaiting())[0]?.data).toMatchObject({ execution: id, attempt: 3, errorClass: 'NetworkError' })
})

test('DG-01 SE-50 pawl serve and a pawl worker of its own dispatch through the Redis of the environment', async () => {
  const root = resolve(import.meta.dirname, '../..')
  const data = await folder()
  const env = {
    PATH: process.env.PATH ?? '',
    PAWL_REDIS_URL: redis.url,
    PAWL_PORT: '0',
    PAWL_POLL_SECONDS: '60',
    DOCUGEN_QUEUE_CONCURRENCY: '3',
    DOCUGEN_QUEUE_MAX_ATTEMPTS: '2',
    NO_COLOR: '1',
  }
  const pawl = (args: readonly string[]) =>
    spawn(process.execPath, [join(root, 'src/cli/main.ts'), ...args], { cwd: root, env })
  const started = async (args: readonly string[], word: string) => {
    const child = pawl([...args, '--actions', join(import.meta.dirname, 'actions.ts'), '--data', data])
    const ended = once(child, 'exit')
    closing.push(async () => {
      child.kill('SIGTERM')
      await ended
    })
    const said = Promise.withResolvers<void>()
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        text += String(chunk)
        if (text.includes(word)) said.resolve()
      })
    void ended.then(() => said.reject(new Error(text)))
    await said.promise
  }
  await started(['serve', '--slots', '0'], 'Stop it with')
  await started(['worker'], 'Stop it with')
  const submit = async (number: number): Promise<Record<string, unknown>> => {
    const input = JSON.stringify(request(number))
    const child = pawl(['submit', 'bundle:generate', '--input', input, '--wait', '--json', '--data', data])
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += String(chunk)
    })
    await once(child, 'close')
    return JSON.parse(out) as Record<string, unknown>
  }
  for (const number of [1, 2])
    expect(await submit(number)).toMatchObject({ state: 'succeeded', maxAttempts: 2, result: { documents: 3 } })
  const events = JSON.stringify(await redis.ask('xrange', `pawl:${queueName('bundle:generate', 1)}:events`, '-', '+'))
  expect(events).toContain('ran')
})
