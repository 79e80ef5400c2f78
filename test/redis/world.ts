import { z } from 'zod'
import { type AnyAction, action } from '../../src/action/action.ts'
import { bullmq } from '../../src/bullmq.ts'
import type { StoreHost } from '../../src/commit/host.ts'
import { queueName } from '../../src/dispatch/names.ts'
import { createPawl, type Pawl } from '../../src/pawl.ts'
import type { ThrowawayRedis } from './throwaway.ts'

/** The job of DocuGen. */
export const generate = 'bundle:generate'

export interface WorldOptions {
  readonly redis: ThrowawayRedis
  readonly store?: string | StoreHost
  readonly slots?: number
  /** Default: so long that nothing is found but through Redis. */
  readonly pollMs?: number
  readonly url?: string
  readonly actions?: (run: Run) => readonly AnyAction[]
}

/** What every run does: counts itself, and may be held or made to fail by the test. */
export type Run = (n: number) => Promise<number>

/** A Pawl that dispatches through Redis, and what its runs have done. */
export async function openWorld(options: WorldOptions) {
  const { redis, store = ':memory:', slots = 5, pollMs = 600_000, url = redis.url } = options
  const runs: number[] = []
  const said: string[] = []
  const heard: { readonly pattern: RegExp; readonly resolve: () => void }[] = []
  const now = { running: 0, most: 0 }
  const hooks: { run: (n: number) => Promise<void> | void } = { run: () => {} }
  const run: Run = async (n) => {
    runs.push(n)
    now.running += 1
    now.most = Math.max(now.most, now.running)
    try {
      await hooks.run(n)
    } finally {
      now.running -= 1
    }
    return n
  }
  const actions = [...(options.actions?.(run) ?? [counting(run)]), warmUp]
  const pawl: Pawl<readonly AnyAction[]> = await createPawl({
    store,
    actions,
    slots,
    settings: { pollMs, retryPolicy: { maxAttempts: 3, baseMs: 20, multiplier: 1, capMs: 20, jitter: 'none' } },
    dispatch: bullmq({ url }),
    log(level, message) {
      said.push(`${level} ${message}`)
      for (const each of heard.splice(0)) {
        if (each.pattern.test(message)) each.resolve()
        else heard.push(each)
      }
    },
  })
  const submit = async (ns: readonly number[], some: { readonly priority?: number } = {}): Promise<string[]> => {
    const answers = await pawl.submitMany(ns.map((n) => ({ action: generate, input: { n }, ...some })))
    return answers.map((answer) => ('id' in answer ? answer.id : 'refused'))
  }
  return {
    pawl,
    runs,
    said,
    now,
    hooks,
    submit,
    ended: (ids: readonly string[]) => Promise.all(ids.map((id) => pawl.ended(id))),
    /** Resolves once this is logged; also when it was already. */
    logged: (pattern: RegExp): Promise<void> =>
      said.some((line) => pattern.test(line))
        ? Promise.resolve()
        : new Promise((resolve) => heard.push({ pattern, resolve })),
    /** What became of the jobs of a queue: how many have run, and how many found nothing to do. */
    outcomes: async (name = queueName(generate, 1)): Promise<{ ran: number; idle: number }> => {
      const events = (await redis.ask('xrange', `pawl:${name}:events`, '-', '+')) as readonly [string, string[]][]
      const values = events.filter(([, fields]) => fields.includes('completed')).map(([, fields]) => fields.join(' '))
      const ran = values.filter((text) => text.includes('"ran"')).length
      return { ran, idle: values.length - ran }
    },
  }
}

/** The first looks into the store take whatever is there; this is something to take. */
export const warmUp = action({ name: 'warm.up', version: 1, input: z.null(), run: () => null })

export const counting = (run: Run, some: Pick<AnyAction, 'concurrency'> = {}): AnyAction =>
  action({ name: generate, version: 1, input: z.object({ n: z.int() }), ...some, run: ({ input }) => run(input.n) })

export const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index)
