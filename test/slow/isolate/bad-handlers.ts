/** Handlers that do what no handler should, each in a process of its own. */
import { spawn } from 'node:child_process'
import { z } from 'zod'
import { action } from '../../../src/pawl.ts'

const input = z.object({ how: z.string(), ms: z.number().default(0), path: z.string().default('') })
const isolate = { module: import.meta.url, memoryMb: 64, graceMs: 200 }
const retry = { maxAttempts: 3, baseMs: 1, capMs: 2 }
const own = { version: 1, input, isolate, retry } as const

export function misbehave(how: string, ms: number): unknown {
  switch (how) {
    case 'block':
      for (const until = Date.now() + ms; Date.now() < until; );
      return 'blocked'
    case 'heap': {
      const kept: unknown[] = []
      for (;;) kept.push(Array.from({ length: 1_000 }, (_, index) => ({ index })))
    }
    case 'buffers': {
      const kept: Buffer[] = []
      return new Promise(() => {
        setInterval(() => kept.push(Buffer.alloc(8 * 2 ** 20, 1)), 5)
      })
    }
    case 'exit':
      return process.exit(0)
    case 'undefined':
      throw undefined
    case 'never':
      return new Promise(() => {})
    default:
      return how
  }
}

export const bad = action({
  ...own,
  name: 'bad.run',
  async run({ input: { how, ms, path }, step, effect, signal }) {
    await step('begun', () => how)
    if (how === 'effect-then-exit') {
      await effect('opaque', {
        target: 'opaque',
        do: () => misbehave('exit', 0),
        reconcile: () => null,
      })
    }
    if (how === 'offspring') {
      spawn('sh', ['-c', `while :; do date +%s%N > '${path}'; sleep 0.05; done`], { stdio: 'ignore' })
      return await new Promise(() => {})
    }
    if (how === 'obedient') {
      return await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
    }
    return await misbehave(how, ms)
  },
})

export const hasty = action({
  ...own,
  name: 'bad.hasty',
  timeout: { timeoutMs: 300 },
  retry: { maxAttempts: 2, baseMs: 1, capMs: 2 },
  run: ({ input: { how, ms } }) => misbehave(how, ms),
})

export const secretive = action({
  ...own,
  name: 'bad.secretive',
  secrets: ['BAD_SECRET'],
  run: ({ secrets }) => ({
    inEnvironment: Object.values(process.env).includes(secrets.BAD_SECRET),
    inArguments: process.argv.concat(process.execArgv).join(' ').includes(secrets.BAD_SECRET),
    length: secrets.BAD_SECRET.length,
    pid: process.pid,
  }),
})

export const actions = [bad, hasty, secretive]
