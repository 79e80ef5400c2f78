import type { StoreHost } from '../../src/commit/host.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { admission } from '../../test/orders.ts'

/** Orders are given in groups of this size, as a program with many callers gives them. */
const group = 500

/** Admits so many executions and returns their keys. */
export async function submit(
  host: StoreHost,
  count: number,
  { tenant = 'acme', action = 'bench.none' } = {},
): Promise<readonly number[]> {
  const ids: number[] = []
  for (let from = 0; from < count; from += group) {
    const answers = await Promise.all(
      Array.from({ length: Math.min(group, count - from) }, () =>
        host.orders.give<'admit'>({
          kind: 'admit',
          admission: admission({ tenant, action, requestedBy: 'service:bench' }),
        }),
      ),
    )
    for (const answer of answers) {
      if (isRefusal(answer)) throw new Error(answer.reason)
      ids.push(answer.replayed ? answer.execution.id : answer.born.id)
    }
  }
  return ids
}

export async function register(host: StoreHost): Promise<number> {
  const answer = await host.orders.give<'register'>({
    kind: 'register',
    hello: {
      identity: 'bench',
      incarnation: 'bench.1',
      host: 'h',
      pid: 1,
      startedTicks: null,
      bootId: null,
      slots: group,
      actions: [{ action: 'bench.none', version: 1 }],
    },
  })
  if (isRefusal(answer)) throw new Error(answer.reason)
  return answer.worker
}

/** Claims and settles whatever is due; returns how many that were. */
export async function drain(host: StoreHost, worker: number): Promise<number> {
  for (let done = 0; ; ) {
    const claimed = await host.orders.give<'claim'>({ kind: 'claim', worker, limit: group, leaseMs: 30_000, waitMs: 0 })
    if (isRefusal(claimed)) throw new Error(claimed.reason)
    if (claimed.length === 0) return done
    await Promise.all(
      claimed.map(({ execution: { id, fence } }) => {
        const command = { type: 'succeed', fence, result: 'null', fingerprint: 'f' } as const
        return host.orders.give<'work'>({ kind: 'work', worker, id, command })
      }),
    )
    done += claimed.length
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN
