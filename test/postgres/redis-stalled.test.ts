import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { afterEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { bullmq } from '../../src/bullmq.ts'
import { queueName } from '../../src/dispatch/names.ts'
import { action, createPawl } from '../../src/pawl.ts'
import { startRedis } from '../redis/throwaway.ts'
import { openDatabase } from './database.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

test('SE-50 REL-03 a worker that is killed with a job in hand leaves it to the next: the execution goes on once its lease is over, the job ends without running anything', async () => {
  const redis = await startRedis()
  closing.push(() => redis.remove())
  const url = await openDatabase(inject('postgres'))
  const folder = mkdtempSync(join(tmpdir(), 'pawl-stalled-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  const runs = join(folder, 'runs')
  writeFileSync(runs, '')
  const lines = (): string[] =>
    readFileSync(runs, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  const start = async (name: string): Promise<ChildProcess> => {
    const args = [url, redis.url, name, runs, join(folder, name)]
    const child = fork(join(import.meta.dirname, 'redis-process.ts'), args, { stdio: 'inherit' })
    closing.push(() => end(child))
    await once(child, 'message')
    return child
  }
  const page = action({ name: 'print.page', version: 1, input: z.object({ page: z.int() }), run: () => null })
  const settings = { leaseMs: 3_000, heartbeatMs: 1_000, sweepMs: 500, pollMs: 600_000 }
  const dispatch = bullmq({ url: redis.url, lockMs: 1_000 })
  const pawl = await createPawl({ store: url, actions: [page] as const, slots: 0, dataDir: folder, settings, dispatch })
  closing.push(() => pawl.stop())
  await pawl.start()
  const queue = new Queue(queueName('print.page', 1), { connection: { port: redis.port }, prefix: 'pawl' })
  closing.push(() => queue.close())

  const stuck = await start('stuck')
  const executions = await Promise.all([1, 2].map((n) => pawl.submit({ action: 'print.page', input: { page: n } })))
  await expect.poll(lines).toHaveLength(2)
  const held = (await queue.getActive()).map(({ id }) => id)
  expect(held).toHaveLength(2)
  await end(stuck)
  await start('next')
  expect(await Promise.all(executions.map((each) => pawl.result(each)))).toEqual([1, 2])
  // Whatever was in the hand of the dead is in nobody's, and has run nothing.
  await expect
    .poll(() => queue.getJobCounts('active', 'waiting', 'prioritized', 'delayed', 'failed'), { timeout: 20_000 })
    .toEqual({ active: 0, waiting: 0, prioritized: 0, delayed: 0, failed: 0 })
  expect(lines().toSorted()).toEqual(['next 1', 'next 2', 'stuck 1', 'stuck 2'])
  for (const id of held) expect(await queue.getJob(String(id))).toBeUndefined()
  for (const { id } of executions) {
    const types = (await pawl.events(id)).map(({ type }) => type)
    expect(types).toEqual(['enqueue', 'claim', 'lease_expired', 'claim', 'succeed'])
  }
})
