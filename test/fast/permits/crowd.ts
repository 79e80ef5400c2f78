import { Committer } from '../../../src/commit/committer.ts'
import type { DueNews, Place } from '../../../src/commit/due/due-news.ts'
import type { Admission, Claimed, WorkAnswer } from '../../../src/commit/order.ts'
import { isRefusal, type Refusal } from '../../../src/errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../../../src/execution/command.ts'
import { needsOf, type PermitNeed, type RateNeed, writeNeeds } from '../../../src/execution/permit.ts'
import { openSqlite } from '../../../src/store/sqlite/open.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { admission as plain } from '../../orders.ts'

interface Wish {
  readonly locks?: readonly string[]
  readonly permits?: readonly PermitNeed[]
  readonly rate?: RateNeed
  readonly holdMs?: number
  readonly tenant?: string
  readonly priority?: number
}

/** A store with one worker: what is claimed comes back as keys, in order. */
export async function begin() {
  const opened = openSqlite({ path: ':memory:' })
  const clock = new VirtualClock()
  const news: DueNews[] = []
  const committer = await Committer.open({
    session: opened.session,
    idKey: opened.publicIdKey,
    clock,
    soon: setImmediate,
    onCommit: (_ids, dueNews) => news.push(dueNews()),
  })
  const hello = { identity: 'w', incarnation: 'w.1', host: 'h', pid: 1, startedTicks: null, bootId: null, slots: 999 }
  const actions = [{ action: 'crm.sync', version: 1 }]
  const { worker } = good(await committer.give<'register'>({ kind: 'register', hello: { ...hello, actions } }))
  const held = new Map<number, Claimed>()
  const fenceOf = (id: number): number => held.get(id)?.execution.fence ?? 0
  const work = (id: number, command: WorkerCommand) => committer.give<'work'>({ kind: 'work', worker, id, command })
  return {
    committer,
    clock,
    worker,
    /** What each commit has made due, as a carrier of hints is told. */
    news,
    views: opened.views(),
    submit: async (...wishes: readonly Wish[]): Promise<void> => {
      const orders = wishes.map((wish) => ({ kind: 'admit', admission: admission(wish) }) as const)
      for (const answer of await Promise.all(orders.map((order) => committer.give<'admit'>(order)))) good(answer)
    },
    claim: async (limit: number, waitMs = 0, only?: readonly Place[]): Promise<number[]> => {
      const order = { kind: 'claim', worker, limit, leaseMs: 30_000, waitMs, only } as const
      const claimed = good(await committer.give<'claim'>(order))
      for (const one of claimed) held.set(one.execution.id, one)
      return claimed.map(({ execution }) => execution.id)
    },
    succeed: async (id: number) =>
      good(await work(id, { type: 'succeed', fence: fenceOf(id), result: '1', fingerprint: 'f' })),
    suspend: async (id: number, wakeAt: number) =>
      good(await work(id, { type: 'suspend', fence: fenceOf(id), reason: 'timer', wakeAt })),
    permit: (id: number, command: Omit<PermitCommand, 'fence'>): Promise<WorkAnswer | Refusal> => {
      const whole = { ...command, fence: fenceOf(id) } as PermitCommand
      return committer.give<'permit'>({ kind: 'permit', worker, id, command: whole })
    },
    cancel: async (id: number) => {
      const command = { type: 'cancel', reason: null } as const
      return good(await committer.give<'command'>({ kind: 'command', id, tenant: null, command, principal: 'human:a' }))
    },
  }
}

function admission({ locks = [], permits = [], rate, holdMs = 0, tenant = 'acme', priority = 0 }: Wish): Admission {
  const own = locks.map((key) => ({ key, capacity: 1, shared: false }))
  const needs = good(needsOf([...own, ...permits], rate ?? null, holdMs))
  return plain({ tenant, priority, permits: needs === null ? null : writeNeeds(needs) })
}

export function good<T>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new Error(answer.reason)
  return answer
}

export const times = <T>(count: number, of: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => of(index))
