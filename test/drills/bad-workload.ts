/** Actions that do what no handler should, and one that does nothing wrong. Found by workers and by the processes they start. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { action } from '../../src/pawl.ts'

const retry = { maxAttempts: 3, baseMs: 20, capMs: 200 }
const own = { version: 1, retry } as const

const good = action({
  ...own,
  name: 'drill.good',
  input: z.object({ number: z.number(), ms: z.number() }),
  async run({ input: { number, ms } }) {
    await new Promise((resolve) => setTimeout(resolve, ms))
    return { number }
  },
})

/** Takes its process down each time, whoever else runs in it. */
const poison = action({
  ...own,
  name: 'drill.poison',
  input: z.object({}),
  async run({ step }) {
    await step('swallowed', () => true)
    process.exit(7)
  },
})

const memoryHog = action({
  ...own,
  name: 'drill.memory_hog',
  input: z.object({}),
  isolate: { module: import.meta.url, memoryMb: 64, graceMs: 200 },
  async run({ step }) {
    await step('begun', () => true)
    const kept: Buffer[] = []
    return await new Promise(() => {
      setInterval(() => kept.push(Buffer.alloc(8 * 2 ** 20, 1)), 5)
    })
  },
})

/** Has an effect, then lets nothing else run in its process, the first time that it gets so far. */
const loopHog = action({
  ...own,
  name: 'drill.loop_hog',
  input: z.object({ path: z.string(), ms: z.number() }),
  async run({ input: { path, ms }, effect }) {
    await effect('mark', {
      target: 'opaque',
      do: () => {
        appendFileSync(`${path}.marks`, 'applied\n')
        return true
      },
      reconcile: () => (existsSync(`${path}.marks`) ? true : null),
    })
    if (existsSync(path)) return 'went on'
    writeFileSync(path, '')
    for (const until = performance.now() + ms; performance.now() < until; );
    return 'blocked'
  },
})

export const actions = [good, poison, memoryHog, loopHog]
