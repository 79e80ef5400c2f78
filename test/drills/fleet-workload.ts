import { z } from 'zod'
import { type AnyAction, action, type EffectSpec, NotApplied } from '../../src/pawl.ts'
import type { Ask } from './record.ts'

/** Hosts of the fleet at a time. */
const parallel = 4
/** Milliseconds until a host says that it is done; each another time, so that they do not march in step. */
const installMs = (number: number): number => 100 + 50 * (number % 4)

export const hostOf = (number: number): string => `host-${String(number).padStart(2, '0')}`
const kinds = ['keyed', 'fenced', 'opaque'] as const

interface Receipt {
  readonly applied: string
}

/** One effect on each host of a fleet, of a kind that follows from the host; the outside world says which hosts fail. */
export function fleet(target: string): AnyAction {
  return action({
    name: 'drill.fleet',
    version: 1,
    input: z.object({ hosts: z.int() }),
    // Ten kills on the way are attempts like any other.
    retry: { maxAttempts: 60, baseMs: 20, capMs: 200 },
    parallel,
    plan: ({ input }) => ({
      summary: `Install on ${input.hosts} hosts`,
      steps: Array.from({ length: input.hosts }, (_, number) => ({
        step: 'install',
        target: hostOf(number),
        args: { kind: kinds[number % kinds.length] ?? 'keyed', latencyMs: installMs(number) },
        effects: ['install'],
      })),
    }),
    steps: {
      install: {
        onFailure: 'continue',
        retry: { maxAttempts: 2 },
        async run({ target: host, args, step, effect, executionId }) {
          const { kind, latencyMs } = args
          const spec: Omit<EffectSpec<Receipt>, 'reconcile'> = {
            target: kind,
            async do({ effectKey, fence }) {
              const ask: Ask = { effectKey, fence, execution: executionId, hold: null, host, latencyMs }
              const headers = { 'content-type': 'application/json' }
              const answer = await fetch(`${target}/${kind}`, { method: 'POST', headers, body: JSON.stringify(ask) })
              if (answer.status === 503) throw new NotApplied(`${host} is broken`)
              return (await answer.json()) as Receipt
            },
          }
          const look: Pick<EffectSpec<Receipt>, 'reconcile'> = {
            async reconcile({ effectKey }) {
              const answer = await fetch(`${target}/find?key=${effectKey}`)
              return answer.status === 404 ? null : ((await answer.json()) as Receipt)
            },
          }
          await step('look', () => host)
          // The others are repeated without a look: that their target knows the key is what keeps it one.
          return await effect('install', { ...spec, ...(kind === 'opaque' ? look : {}) })
        },
      },
    },
  })
}
